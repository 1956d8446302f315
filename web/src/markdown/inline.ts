// Inline markdown in time linear in the text, whatever the text is.
import type { Inline } from './ast';

const MAX_DEPTH = 16; // of links and emphasis
const MAX_TEXT = 50_000; // longer paragraphs stay plain

const PUNCTUATION = /[!-/:-@[-`{-~]/;
const UNICODE_PUNCTUATION = /[\p{P}\p{S}]/u;
const URL_END = /[\s<>"`]/;

interface Delimiter {
  kind: 'delimiter';
  char: string;
  count: number;
  original: number;
  canOpen: boolean;
  canClose: boolean;
}
type Piece = Inline | Delimiter;

// Only what a reader may safely click. Empty = show as text.
export function safeUrl(url: string): string {
  const text = url.trim();
  if (/^(https?:\/\/|mailto:)/i.test(text)) return text;
  if (/^#[\w-]*$/.test(text)) return text;
  return '';
}

export function parseInline(text: string): Inline[] {
  if (text.length > MAX_TEXT) return [{ kind: 'text', text }];
  return new InlineParser(text).run(0, text.length, 0);
}

class InlineParser {
  private readonly closing: Int32Array; // of '[': the index of its ']'; -1 = none
  private readonly noCodeEnd = new Set<number>(); // run lengths that do not occur any more

  constructor(private readonly text: string) {
    this.closing = matchBrackets(text);
  }

  run(from: number, to: number, depth: number): Inline[] {
    const pieces: Piece[] = [];
    let plain = '';
    const flush = () => {
      if (plain) pieces.push({ kind: 'text', text: plain });
      plain = '';
    };
    let i = from;
    while (i < to) {
      const c = this.text[i]!;
      const special = this.special(c, i, to, depth);
      if (special) {
        flush();
        pieces.push(...special.pieces);
        i = special.next;
      } else if (c === '\\' && i + 1 < to && PUNCTUATION.test(this.text[i + 1]!)) {
        plain += this.text[i + 1];
        i += 2;
      } else if (c === '`') {
        const run = runLength(this.text, i, to, '`');
        plain += '`'.repeat(run);
        i += run;
      } else {
        plain += c;
        i++;
      }
    }
    flush();
    return emphasize(pieces, depth);
  }

  private special(c: string, i: number, to: number, depth: number): { pieces: Piece[]; next: number } | null {
    switch (c) {
      case '`':
        return this.codeSpan(i, to);
      case '\\':
        return this.backslash(i, to);
      case '$':
        return this.dollarMath(i, to);
      case '\n':
        return { pieces: [{ kind: 'text', text: '\n' }], next: i + 1 };
      case ' ':
        return this.hardBreak(i, to);
      case '<':
        return this.angle(i, to);
      case '!':
        return this.text[i + 1] === '[' ? this.link(i + 1, to, depth, true) : null;
      case '[':
        return this.link(i, to, depth, false);
      case '*':
      case '_':
      case '~':
        return this.delimiter(c, i, to);
      case 'h':
        return this.bareUrl(i, to);
      default:
        return null;
    }
  }

  private codeSpan(i: number, to: number): { pieces: Piece[]; next: number } | null {
    const run = runLength(this.text, i, to, '`');
    if (this.noCodeEnd.has(run)) return null;
    let at = i + run;
    while (at < to) {
      at = this.text.indexOf('`', at);
      if (at < 0 || at >= to) break;
      const other = runLength(this.text, at, to, '`');
      if (other === run) {
        let code = this.text.slice(i + run, at).replace(/\n/g, ' ');
        if (code.length > 2 && code.startsWith(' ') && code.endsWith(' ') && code.trim()) code = code.slice(1, -1);
        return { pieces: [{ kind: 'code', text: code }], next: at + other };
      }
      at += other;
    }
    this.noCodeEnd.add(run);
    return null;
  }

  private backslash(i: number, to: number): { pieces: Piece[]; next: number } | null {
    const next = this.text[i + 1];
    if (next === '\n') return { pieces: [{ kind: 'break' }], next: i + 2 };
    if (next === '(') return this.math(i + 2, to, '\\)', false);
    if (next === '[') return this.math(i + 2, to, '\\]', true);
    return null;
  }

  private readonly noMathEnd = new Set<string>();

  private math(start: number, to: number, end: string, display: boolean): { pieces: Piece[]; next: number } | null {
    if (this.noMathEnd.has(end)) return null;
    const at = this.text.indexOf(end, start);
    if (at < 0 || at >= to) {
      this.noMathEnd.add(end);
      return null;
    }
    return { pieces: [{ kind: 'math', tex: this.text.slice(start, at).trim(), display }], next: at + end.length };
  }

  // "$x$" only where it cannot be money: no space inside the signs, no digit after them.
  private dollarMath(i: number, to: number): { pieces: Piece[]; next: number } | null {
    if (this.text[i + 1] === '$') return this.math(i + 2, to, '$$', true);
    if (/[\s\d]/.test(this.text[i + 1] ?? ' ')) return null;
    if (this.noMathEnd.has('$')) return null;
    const at = this.text.indexOf('$', i + 1);
    if (at < 0 || at >= to) {
      this.noMathEnd.add('$');
      return null;
    }
    if (at - i > 400 || /[\s\\]/.test(this.text[at - 1]!) || /[\dA-Za-z]/.test(this.text[at + 1] ?? '')) return null;
    return { pieces: [{ kind: 'math', tex: this.text.slice(i + 1, at), display: false }], next: at + 1 };
  }

  private hardBreak(i: number, to: number): { pieces: Piece[]; next: number } | null {
    const run = runLength(this.text, i, to, ' ');
    if (this.text[i + run] !== '\n' || i + run >= to) {
      return { pieces: [{ kind: 'text', text: this.text.slice(i, i + run) }], next: i + run };
    }
    return { pieces: run >= 2 ? [{ kind: 'break' }] : [{ kind: 'text', text: '\n' }], next: i + run + 1 };
  }

  private angle(i: number, to: number): { pieces: Piece[]; next: number } | null {
    const rest = this.text.slice(i, Math.min(to, i + 2048));
    const breakTag = /^<br\s{0,4}\/?>/i.exec(rest);
    if (breakTag) return { pieces: [{ kind: 'break' }], next: i + breakTag[0].length };
    const link = /^<([a-z][a-z0-9+.-]{1,31}:[^\s<>]*)>/i.exec(rest);
    const href = link ? safeUrl(link[1]!) : '';
    if (!link || !href) return null;
    return { pieces: [{ kind: 'link', href, children: [{ kind: 'text', text: link[1]! }] }], next: i + link[0].length };
  }

  private link(open: number, to: number, depth: number, image: boolean): { pieces: Piece[]; next: number } | null {
    const close = this.closing[open]!;
    if (close < 0 || close >= to || this.text[close + 1] !== '(' || depth >= MAX_DEPTH) return null;
    const target = /^\(\s{0,8}(?:<([^<>\n]*)>|((?:[^\s()]|\((?:[^\s()])*\))*))(?:\s+(?:"[^"\n]*"|'[^'\n]*'))?\s{0,8}\)/.exec(
      this.text.slice(close + 1, Math.min(to, close + 4096)),
    );
    if (!target) return null;
    const url = target[1] ?? target[2] ?? '';
    const next = close + 1 + target[0].length;
    if (image) return { pieces: [{ kind: 'image', src: safeUrl(url), alt: this.text.slice(open + 1, close) }], next };
    const children = this.run(open + 1, close, depth + 1);
    const href = safeUrl(url);
    return { pieces: href ? [{ kind: 'link', href, children }] : children, next };
  }

  private bareUrl(i: number, to: number): { pieces: Piece[]; next: number } | null {
    if (!/^https?:\/\/[^\s<>"`]/i.test(this.text.slice(i, i + 9)) || (i > 0 && /\w/.test(this.text[i - 1]!))) return null;
    let end = i;
    while (end < to && !URL_END.test(this.text[end]!)) end++;
    while (end > i && /[.,;:!?'*_~]/.test(this.text[end - 1]!)) end--;
    let url = this.text.slice(i, end);
    if (url.endsWith(')') && !url.includes('(')) url = url.slice(0, -1);
    return { pieces: [{ kind: 'link', href: url, children: [{ kind: 'text', text: url }] }], next: i + url.length };
  }

  private delimiter(c: string, i: number, to: number): { pieces: Piece[]; next: number } {
    const count = runLength(this.text, i, to, c);
    const before = this.text[i - 1] ?? ' ';
    const after = i + count < this.text.length ? this.text[i + count]! : ' ';
    const spaceBefore = /\s/.test(before), spaceAfter = /\s/.test(after);
    const markBefore = UNICODE_PUNCTUATION.test(before), markAfter = UNICODE_PUNCTUATION.test(after);
    const left = !spaceAfter && (!markAfter || spaceBefore || markBefore);
    const right = !spaceBefore && (!markBefore || spaceAfter || markAfter);
    const piece: Delimiter = {
      kind: 'delimiter', char: c, count, original: count,
      canOpen: c === '_' ? left && (!right || markBefore) : left,
      canClose: c === '_' ? right && (!left || markAfter) : right,
    };
    if (c === '~' && count !== 2) return { pieces: [{ kind: 'text', text: c.repeat(count) }], next: i + count };
    return { pieces: [piece], next: i + count };
  }
}

function runLength(text: string, from: number, to: number, c: string): number {
  let end = from;
  while (end < to && text[end] === c) end++;
  return end - from;
}

function matchBrackets(text: string): Int32Array {
  const closing = new Int32Array(text.length).fill(-1);
  const open: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '[') open.push(i);
    else if (c === ']' && open.length > 0) closing[open.pop()!] = i;
  }
  return closing;
}

// CommonMark's rule of delimiter runs, with a stack of openers per kind.
function emphasize(pieces: Piece[], depth: number): Inline[] {
  const out: Piece[] = [];
  const openers: number[] = []; // indices into out
  for (const piece of pieces) {
    if (piece.kind !== 'delimiter') {
      out.push(piece);
      continue;
    }
    if (piece.canClose) closeRuns(out, openers, piece, depth);
    if (piece.count > 0) {
      if (piece.canOpen) openers.push(out.length);
      out.push(piece);
    }
  }
  return merged(out);
}

function closeRuns(out: Piece[], openers: number[], closer: Delimiter, depth: number): void {
  while (closer.count > 0) {
    let at = openers.length - 1;
    // Bounded look-back keeps hostile runs linear.
    const lowest = Math.max(0, openers.length - 32);
    while (at >= lowest && !matches(out[openers[at]!] as Delimiter, closer)) at--;
    if (at < lowest) return;
    const index = openers[at]!;
    const opener = out[index] as Delimiter;
    const use = closer.char === '~' ? 2 : opener.count >= 2 && closer.count >= 2 ? 2 : 1;
    const inner = merged(out.splice(index + 1));
    openers.length = at + 1;
    opener.count -= use;
    closer.count -= use;
    const kind = closer.char === '~' ? 'del' : use === 2 ? 'strong' : 'em';
    if (opener.count === 0) {
      out.pop();
      openers.pop();
    }
    if (nesting(inner) + depth >= MAX_DEPTH) out.push(...inner);
    else out.push({ kind, children: inner });
  }
}

function matches(opener: Delimiter, closer: Delimiter): boolean {
  if (opener.char !== closer.char) return false;
  const both = (opener.canOpen && opener.canClose) || (closer.canOpen && closer.canClose);
  if (!both) return true;
  const multiple = (opener.original + closer.original) % 3 === 0;
  return !multiple || (opener.original % 3 === 0 && closer.original % 3 === 0);
}

const depths = new WeakMap<Inline, number>();

function nesting(inlines: Inline[]): number {
  let deepest = 0;
  for (const inline of inlines) {
    if (!('children' in inline)) continue;
    let depth = depths.get(inline);
    if (depth === undefined) {
      depth = 1 + nesting(inline.children);
      depths.set(inline, depth);
    }
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function merged(pieces: Piece[]): Inline[] {
  const out: Inline[] = [];
  for (const piece of pieces) {
    const inline: Inline = piece.kind === 'delimiter' ? { kind: 'text', text: piece.char.repeat(piece.count) } : piece;
    const last = out[out.length - 1];
    if (inline.kind === 'text' && last?.kind === 'text') out[out.length - 1] = { kind: 'text', text: last.text + inline.text };
    else out.push(inline);
  }
  return out;
}
