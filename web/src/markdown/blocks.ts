// Block structure of markdown: lines to blocks.
import type { Align, Block, Inline, ListItem } from './ast';
import { parseInline } from './inline';

const MAX_DEPTH = 12; // of lists and quotes
const MAX_MARKED_LINE = 4000; // longer lines are text: no pattern below sees them

const FENCE = /^( {0,3})(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:\s+(.*?))?(?:\s+#+)?\s*$/;
const RULE = /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(\s+|$)/;
const QUOTE = /^ {0,3}> ?/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const MATH_OPEN = /^\s*(\\\[|\$\$)/;

export function parseMarkdown(text: string): Block[] {
  return parseLines(text.replace(/\r\n?/g, '\n').replace(/\t/g, '    ').split('\n'), 0);
}

// The text cut into pieces that are parsed alone, so that a growing text re-renders only its end.
export function splitTopLevel(text: string): string[] {
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  const parts: string[] = [];
  let part: string[] = [];
  let fence = '';
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? '';
    if (fence) {
      if (closesFence(line, fence)) fence = '';
    } else if (mark) {
      fence = mark;
    } else if (line.trim() === '' && part.length > 0) {
      const next = lines[i + 1] ?? '';
      // A list or a formula may go on after the blank line.
      if (next.trim() !== '' && !/^\s/.test(next) && !ITEM.test(next) && !opensMath(part)) {
        parts.push(part.join('\n'));
        part = [];
        continue;
      }
    }
    part.push(line);
  }
  if (part.length > 0) parts.push(part.join('\n'));
  return parts;
}

function opensMath(lines: string[]): boolean {
  let open = false;
  for (const line of lines) {
    const text = line.trim();
    if (text === '$$') open = !open;
    else if (text === '\\[') open = true;
    else if (text === '\\]') open = false;
  }
  return open;
}

function closesFence(line: string, fence: string): boolean {
  const text = line.trim();
  return text.length >= fence.length && text === fence[0]!.repeat(text.length) && /^ {0,3}\S/.test(line);
}

function parseLines(lines: string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let i = 0;
  while (i < lines.length) {
    const line = lines[i]!;
    if (line.trim() === '') {
      i++;
      continue;
    }
    const taken = special(lines, i, depth, blocks);
    i = taken > 0 ? i + taken : paragraph(lines, i, depth, blocks);
  }
  return blocks;
}

// The number of lines that a block other than a paragraph takes; 0 = none begins here.
function special(lines: string[], i: number, depth: number, blocks: Block[]): number {
  const line = lines[i]!;
  if (line.length > MAX_MARKED_LINE) return 0;
  const fence = FENCE.exec(line);
  if (fence) return codeBlock(lines, i, fence, blocks);
  const heading = HEADING.exec(line);
  if (heading) {
    blocks.push({ kind: 'heading', level: heading[1]!.length, children: parseInline(heading[2] ?? '') });
    return 1;
  }
  if (RULE.test(line)) {
    blocks.push({ kind: 'rule' });
    return 1;
  }
  if (MATH_OPEN.test(line)) return mathBlock(lines, i, blocks);
  if (depth < MAX_DEPTH && QUOTE.test(line)) return quote(lines, i, depth, blocks);
  if (depth < MAX_DEPTH && ITEM.test(line)) return list(lines, i, depth, blocks);
  if (/^ {4}/.test(line)) return indentedCode(lines, i, blocks);
  if (line.includes('|') && isTableRule(lines[i + 1] ?? '')) return table(lines, i, blocks);
  return 0;
}

function codeBlock(lines: string[], i: number, fence: RegExpExecArray, blocks: Block[]): number {
  const indent = fence[1]!.length;
  const body: string[] = [];
  let at = i + 1;
  while (at < lines.length && !closesFence(lines[at]!, fence[2]!)) {
    body.push(lines[at]!.slice(Math.min(indent, lines[at]!.length - lines[at]!.trimStart().length)));
    at++;
  }
  blocks.push({ kind: 'code', lang: (fence[3] ?? '').trim().split(/[\s{]/)[0]!.toLowerCase().slice(0, 32), text: body.join('\n') });
  return at - i + 1;
}

function indentedCode(lines: string[], i: number, blocks: Block[]): number {
  let at = i;
  while (at < lines.length && (/^ {4}/.test(lines[at]!) || lines[at]!.trim() === '')) at++;
  const body = lines.slice(i, at).map((l) => l.slice(4));
  while (body.length > 0 && body[body.length - 1]!.trim() === '') body.pop();
  blocks.push({ kind: 'code', lang: '', text: body.join('\n') });
  return at - i;
}

function mathBlock(lines: string[], i: number, blocks: Block[]): number {
  const open = MATH_OPEN.exec(lines[i]!)!;
  const end = open[1] === '$$' ? '$$' : '\\]';
  let tex = lines[i]!.slice(open[0].length);
  let at = i;
  while (!tex.includes(end)) {
    if (at + 1 >= lines.length || at - i > 100) return 0;
    tex += '\n' + lines[++at]!;
  }
  const close = tex.indexOf(end);
  if (tex.slice(close + end.length).trim().replace(/^[.,;]$/, '') !== '') return 0;
  blocks.push({ kind: 'math', tex: tex.slice(0, close).trim() });
  return at - i + 1;
}

function quote(lines: string[], i: number, depth: number, blocks: Block[]): number {
  const inner: string[] = [];
  let at = i;
  while (at < lines.length) {
    const line = lines[at]!;
    if (QUOTE.test(line)) inner.push(line.replace(QUOTE, ''));
    else if (line.trim() !== '' && inner[inner.length - 1]?.trim() && !startsBlock(line)) inner.push(line);
    else break;
    at++;
  }
  blocks.push({ kind: 'quote', blocks: parseLines(inner, depth + 1) });
  return at - i;
}

function isTableRule(line: string): boolean {
  return line.length <= MAX_MARKED_LINE && line.includes('-') && TABLE_RULE.test(line);
}

function startsBlock(line: string): boolean {
  if (line.length > MAX_MARKED_LINE) return false;
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || ITEM.test(line) || QUOTE.test(line);
}

interface RawItem {
  lines: string[];
}

function list(lines: string[], i: number, depth: number, blocks: Block[]): number {
  const first = ITEM.exec(lines[i]!)!;
  const ordered = /\d/.test(first[2]!);
  const style = first[2]!.slice(-1);
  const items: RawItem[] = [];
  let at = i, width = 0, blank = false, loose = false;
  while (at < lines.length) {
    const line = lines[at]!;
    const item = line.length > MAX_MARKED_LINE ? null : ITEM.exec(line);
    if (line.trim() === '') {
      blank = true;
      items[items.length - 1]!.lines.push('');
    } else if (items.length > 0 && indentOf(line) >= width) {
      if (blank && items[items.length - 1]!.lines.some((l) => l !== '')) loose = loose || !ITEM.test(line.slice(width));
      blank = false;
      items[items.length - 1]!.lines.push(line.slice(width));
    } else if (item && !RULE.test(line) && item[2]!.slice(-1) === style && /\d/.test(item[2]!) === ordered) {
      loose = loose || (blank && items.length > 0);
      blank = false;
      width = item[0].length > item[1]!.length + item[2]!.length + 4 ? item[1]!.length + item[2]!.length + 1 : item[0].length;
      if (item[3] === '') width += 1;
      items.push({ lines: [line.slice(Math.min(width, item[0].length))] });
    } else if (!blank && !startsBlock(line)) {
      items[items.length - 1]!.lines.push(line.trimStart()); // goes on without indent
    } else {
      break;
    }
    at++;
  }
  const start = ordered ? parseInt(first[2]!, 10) : 1;
  blocks.push({ kind: 'list', ordered, start, tight: !loose, items: items.map((raw) => listItem(raw, depth)) });
  return at - i;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function listItem(raw: RawItem, depth: number): ListItem {
  const task = /^\[([ xX])\]\s+/.exec(raw.lines[0] ?? '');
  if (!task) return { checked: null, blocks: parseLines(raw.lines, depth + 1) };
  const lines = [raw.lines[0]!.slice(task[0].length), ...raw.lines.slice(1)];
  return { checked: task[1] !== ' ', blocks: parseLines(lines, depth + 1) };
}

function table(lines: string[], i: number, blocks: Block[]): number {
  const head = cells(lines[i]!);
  const align = cells(lines[i + 1]!).map(alignment);
  if (head.length !== align.length) return 0;
  const rows: Inline[][][] = [];
  let at = i + 2;
  while (at < lines.length && lines[at]!.trim() !== '' && lines[at]!.includes('|')) {
    const row = cells(lines[at]!).slice(0, head.length);
    while (row.length < head.length) row.push('');
    rows.push(row.map(parseInline));
    at++;
  }
  blocks.push({ kind: 'table', align, head: head.map(parseInline), rows });
  return at - i;
}

function alignment(mark: string): Align {
  const left = mark.startsWith(':'), right = mark.endsWith(':');
  return left && right ? 'center' : right ? 'right' : left ? 'left' : null;
}

// "|" inside code or after a backslash does not part cells.
function cells(line: string): string[] {
  const out: string[] = [];
  let cell = '', code = false;
  const text = line.trim().replace(/^\|/, '').replace(/(^|[^\\])\|$/, '$1');
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\\' && text[i + 1] === '|') {
      cell += '|';
      i++;
    } else if (c === '|' && !code) {
      out.push(cell.trim());
      cell = '';
    } else {
      if (c === '`') code = !code;
      cell += c;
    }
  }
  out.push(cell.trim());
  return out;
}

function paragraph(lines: string[], i: number, depth: number, blocks: Block[]): number {
  const text: string[] = [lines[i]!.trimStart()];
  let at = i + 1;
  while (at < lines.length && lines[at]!.trim() !== '') {
    const line = lines[at]!;
    if (line.length > MAX_MARKED_LINE) {
      text.push(line);
      at++;
      continue;
    }
    if (/^ {0,3}(=+|-+)\s*$/.test(line) && depth === 0 && text.length === 1) {
      blocks.push({ kind: 'heading', level: line.includes('=') ? 1 : 2, children: parseInline(text[0]!) });
      return at + 1;
    }
    const item = ITEM.exec(line);
    const interrupts = item ? /[-*+]|^1[.)]/.test(item[2]!) && item[3] !== '' : startsBlock(line);
    if (interrupts || MATH_OPEN.test(line)) break;
    text.push(line.trimStart());
    at++;
  }
  blocks.push({ kind: 'paragraph', children: parseInline(text.join('\n').trimEnd()) });
  return at;
}
