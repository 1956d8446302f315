// TeX formulas as MathML, which browsers draw themselves. What is not understood is shown as it was written.
import { h, type ComponentChild, type VNode } from 'preact';
import { ACCENTS, FUNCTIONS, LARGE_OPERATORS, SPACES, SYMBOLS } from './tex_symbols';

const MAX_TEX = 4000;
const MAX_DEPTH = 24;

export function Formula({ tex, display }: { tex: string; display: boolean }) {
  const content = formula(tex);
  if (!content) return <code class="tex">{tex}</code>;
  return h('math', { display: display ? 'block' : 'inline', alttext: tex }, h('mrow', null, content));
}

export function formula(tex: string): ComponentChild[] | null {
  if (tex.length > MAX_TEX) return null;
  try {
    const parser = new TexParser(tokenize(tex));
    const nodes = parser.row(0);
    return parser.atEnd() ? nodes : null;
  } catch (error) {
    if (error instanceof TexError) return null;
    throw error;
  }
}

class TexError extends Error {}

function tokenize(tex: string): string[] {
  return tex.match(/\\(?:[a-zA-Z]+\*?|[\s\S])|\d+(?:\.\d+)?|%[^\n]*|\s+|[\s\S]/gu)?.filter((t) => !t.startsWith('%')) ?? [];
}

const el = (tag: string, children: ComponentChild, attributes: Record<string, string> = {}): VNode => h(tag, attributes, children) as VNode;
const row = (nodes: ComponentChild[]): VNode => el('mrow', nodes);

const ENVIRONMENTS: Record<string, [string, string]> = {
  matrix: ['', ''], pmatrix: ['(', ')'], bmatrix: ['[', ']'], vmatrix: ['|', '|'], Bmatrix: ['{', '}'], cases: ['{', ''],
  aligned: ['', ''], align: ['', ''], 'align*': ['', ''], array: ['', ''], gathered: ['', ''], split: ['', ''], equation: ['', ''], 'equation*': ['', ''],
};

class TexParser {
  private at = 0;

  constructor(private readonly tokens: string[]) {}

  atEnd(): boolean {
    return this.at >= this.tokens.length;
  }

  // Up to an end of group, cell, row or \right.
  row(depth: number): ComponentChild[] {
    if (depth > MAX_DEPTH) throw new TexError();
    const nodes: ComponentChild[] = [];
    while (!this.atEnd()) {
      const token = this.tokens[this.at]!;
      if (token === '}' || token === '&' || token === '\\\\' || token === '\\right' || token === '\\end') break;
      if (/^\s/.test(token)) {
        this.at++;
        continue;
      }
      nodes.push(this.scripts(depth));
    }
    return nodes;
  }

  private scripts(depth: number): ComponentChild {
    const token = this.tokens[this.at]!;
    const isLarge = LARGE_OPERATORS.has(token) || /^\\(lim|max|min|sup|inf|arg(max|min)|limsup|liminf)$/.test(token);
    let base: ComponentChild = token === '_' || token === '^' ? row([]) : this.atom(depth);
    let sub: ComponentChild = null, sup: ComponentChild = null;
    for (;;) {
      this.skipSpace();
      const mark = this.tokens[this.at];
      if (mark === '_' && sub === null) {
        this.at++;
        sub = this.argument(depth);
      } else if (mark === '^' && sup === null) {
        this.at++;
        sup = this.argument(depth);
      } else if (mark === "'" && sup === null) {
        let primes = '';
        while (this.tokens[this.at] === "'") {
          primes += '′';
          this.at++;
        }
        sup = el('mo', primes);
      } else {
        break;
      }
    }
    if (sub !== null && sup !== null) base = el(isLarge ? 'munderover' : 'msubsup', [base, sub, sup]);
    else if (sub !== null) base = el(isLarge ? 'munder' : 'msub', [base, sub]);
    else if (sup !== null) base = el(isLarge ? 'mover' : 'msup', [base, sup]);
    return base;
  }

  private skipSpace(): void {
    while (/^\s/.test(this.tokens[this.at] ?? '')) this.at++;
  }

  private next(): string {
    this.skipSpace();
    const token = this.tokens[this.at++];
    if (token === undefined) throw new TexError();
    return token;
  }

  private argument(depth: number): ComponentChild {
    this.skipSpace();
    if (this.atEnd()) throw new TexError();
    return this.atom(depth + 1);
  }

  private atom(depth: number): ComponentChild {
    if (depth > MAX_DEPTH) throw new TexError();
    const token = this.next();
    if (token === '{') {
      const nodes = this.row(depth + 1);
      if (this.next() !== '}') throw new TexError();
      return row(nodes);
    }
    if (token.startsWith('\\')) return this.command(token, depth);
    if (/^\d/.test(token)) return el('mn', token);
    if (/^\p{L}$/u.test(token)) return el('mi', token);
    if (token === '~') return el('mspace', null, { width: '0.33em' });
    if ('}&_^#'.includes(token)) throw new TexError();
    const attributes: Record<string, string> = '()[]|/'.includes(token) ? { stretchy: 'false' } : {};
    return el('mo', token === '-' ? '−' : token === '*' ? '∗' : token, attributes);
  }

  private command(token: string, depth: number): ComponentChild {
    const name = token.slice(1);
    if (SYMBOLS[name]) {
      const symbol = SYMBOLS[name]!;
      return el(/^\p{L}$/u.test(symbol) || symbol === '∞' || symbol === '∅' ? 'mi' : 'mo', symbol);
    }
    if (FUNCTIONS.has(name)) return el('mi', name);
    if (SPACES[name]) return el('mspace', null, { width: SPACES[name]! });
    if (ACCENTS[name]) {
      const under = name === 'underline' || name === 'underbrace';
      return el(under ? 'munder' : 'mover', [this.argument(depth), el('mo', ACCENTS[name]!)], { accent: 'true' });
    }
    switch (name) {
      case 'frac': case 'dfrac': case 'tfrac': case 'cfrac':
        return el('mfrac', [this.argument(depth), this.argument(depth)]);
      case 'binom':
        return row([el('mo', '('), el('mfrac', [this.argument(depth), this.argument(depth)], { linethickness: '0' }), el('mo', ')')]);
      case 'sqrt':
        return this.root(depth);
      case 'text': case 'mathrm': case 'textbf': case 'textit': case 'mbox': case 'operatorname': case 'mathsf': case 'texttt': case 'operatorname*':
        return el(name.startsWith('operator') ? 'mi' : 'mtext', this.rawGroup());
      case 'mathbf': case 'boldsymbol': case 'bm':
        return el('mstyle', this.argument(depth), { class: 'bold' });
      case 'mathbb': case 'mathcal': case 'mathit': case 'mathfrak': case 'mathscr':
        return name === 'mathbb' ? el('mi', doubleStruck(this.rawGroup())) : this.argument(depth);
      case 'left':
        return this.fenced(depth);
      case 'big': case 'Big': case 'bigg': case 'Bigg': case 'bigl': case 'bigr': case 'Bigl': case 'Bigr': case 'biggl': case 'biggr':
        return el('mo', this.fence());
      case 'begin':
        return this.environment(depth);
      case 'boxed':
        return el('mrow', this.argument(depth), { class: 'boxed' });
      case 'overset': case 'stackrel': {
        const over = this.argument(depth);
        return el('mover', [this.argument(depth), over]);
      }
      case 'underset': {
        const below = this.argument(depth);
        return el('munder', [this.argument(depth), below]);
      }
      case 'displaystyle': case 'textstyle': case 'limits': case 'nolimits': case 'nonumber': case 'notag':
        return row([]);
      case 'tag':
        return el('mtext', `  (${this.rawGroup()})`);
    }
    if (/^[{}%$#&_]$/.test(name)) return el('mo', name, { stretchy: 'false' });
    throw new TexError();
  }

  private root(depth: number): ComponentChild {
    this.skipSpace();
    if (this.tokens[this.at] !== '[') return el('msqrt', this.argument(depth));
    this.at++;
    const degree: ComponentChild[] = [];
    while (this.tokens[this.at] !== ']') degree.push(this.atom(depth + 1));
    this.at++;
    return el('mroot', [this.argument(depth), row(degree)]);
  }

  private rawGroup(): string {
    if (this.next() !== '{') throw new TexError();
    let text = '';
    for (let open = 1; ; ) {
      const token = this.tokens[this.at++];
      if (token === undefined) throw new TexError();
      if (token === '{') open++;
      if (token === '}' && --open === 0) return text;
      text += /^\\[ ,;]/.test(token) ? ' ' : token.replace(/^\\(?=[_%&#$])/, '');
    }
  }

  private fence(): string {
    const token = this.next();
    if (token === '.') return '';
    if (token.startsWith('\\')) return SYMBOLS[token.slice(1)] ?? token.slice(1).replace(/^\|$/, '‖');
    return token;
  }

  private fenced(depth: number): ComponentChild {
    const open = this.fence();
    const inner = this.row(depth + 1);
    if (this.next() !== '\\right') throw new TexError();
    const close = this.fence();
    return row([open && el('mo', open, { fence: 'true' }), row(inner), close && el('mo', close, { fence: 'true' })]);
  }

  private environment(depth: number): ComponentChild {
    const name = this.rawGroup();
    const fences = Object.hasOwn(ENVIRONMENTS, name) ? ENVIRONMENTS[name]! : null;
    if (!fences) throw new TexError();
    if (name === 'array') this.rawGroup();
    const rows: ComponentChild[][][] = [[[]]];
    for (;;) {
      rows[rows.length - 1]!.pop();
      rows[rows.length - 1]!.push(this.row(depth + 1));
      const end = this.next();
      if (end === '&') rows[rows.length - 1]!.push([]);
      else if (end === '\\\\') rows.push([[]]);
      else if (end === '\\end' && this.rawGroup() === name) break;
      else throw new TexError();
    }
    const table = el('mtable', rows.filter((r) => r.length > 1 || r[0]!.length > 0).map((cells) => el('mtr', cells.map((cell) => el('mtd', cell)))), {
      class: name.startsWith('align') || name === 'split' ? 'aligned' : name === 'cases' ? 'cases' : '',
    });
    return row([fences[0] && el('mo', fences[0]), table, fences[1] && el('mo', fences[1])]);
  }
}

function doubleStruck(text: string): string {
  const known: Record<string, string> = { R: 'ℝ', N: 'ℕ', Z: 'ℤ', Q: 'ℚ', C: 'ℂ', P: 'ℙ', H: 'ℍ', E: '𝔼', F: '𝔽', 1: '𝟙' };
  return known[text.trim()] ?? text;
}
