// Colours for code: a small lexer driven by a table of languages. It reads each character once.

export type Shade = 'comment' | 'string' | 'keyword' | 'number' | 'type' | 'function' | 'literal' | 'tag' | 'added' | 'removed' | '';
export type Token = [Shade, string];

interface Language {
  keywords: Set<string>;
  literals?: Set<string>;
  line?: string[]; // comments to the end of the line
  block?: [string, string][];
  strings?: string[]; // longest first
  capitalTypes?: boolean;
  ignoreCase?: boolean;
  word?: RegExp; // sticky
}

const MAX_HIGHLIGHTED = 200_000;
const WORD = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const NUMBER = /(?:0[xX][\da-fA-F_]+|0[bB][01_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)[a-zA-Z]{0,4}/y;

const words = (text: string) => new Set(text.split(' '));
const C_COMMENTS: Pick<Language, 'line' | 'block'> = { line: ['//'], block: [['/*', '*/']] };
const LITERALS = words('true false null undefined None True False nil NULL nullptr NaN Infinity self this super');

const SCRIPT: Language = {
  ...C_COMMENTS, strings: ['"', "'", '`'], capitalTypes: true, literals: LITERALS,
  keywords: words('abstract as async await break case catch class const continue debugger declare default delete do else enum export extends finally for from function get if implements import in infer instanceof interface is keyof let namespace new of private protected public readonly return satisfies set static switch throw try type typeof var void while with yield any boolean never number object string symbol unknown'),
};
const PYTHON: Language = {
  line: ['#'], strings: ['"""', "'''", '"', "'"], capitalTypes: true, literals: LITERALS,
  keywords: words('and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield'),
};
const C_FAMILY: Language = {
  ...C_COMMENTS, strings: ['"', "'"], capitalTypes: true, literals: LITERALS,
  keywords: words('alignas alignof auto bool break case catch char char8_t class co_await co_return co_yield concept const consteval constexpr constinit const_cast continue decltype default delete do double dynamic_cast else enum explicit export extern final float for friend goto if inline int long mutable namespace new noexcept operator override private protected public register reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch template thread_local throw try typedef typeid typename union unsigned using virtual void volatile while size_t uint8_t uint32_t uint64_t int32_t int64_t include define ifdef ifndef endif pragma'),
};
const RUST: Language = {
  ...C_COMMENTS, strings: ['"'], capitalTypes: true, literals: LITERALS,
  keywords: words('as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move mut pub ref return static struct trait type union unsafe use where while bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize'),
};
const GO: Language = {
  ...C_COMMENTS, strings: ['"', '`', "'"], capitalTypes: true, literals: LITERALS,
  keywords: words('break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var bool byte error float32 float64 int int8 int16 int32 int64 rune string uint uint8 uint16 uint32 uint64 any'),
};
const JAVA: Language = {
  ...C_COMMENTS, strings: ['"""', '"', "'"], capitalTypes: true, literals: LITERALS,
  keywords: words('abstract as assert base bool boolean break byte case catch char class companion const constructor continue data default delegate do double else enum event extends extension fun final finally float for foreach func get guard if implements import in inout init instanceof int interface internal is lazy let long namespace native new object open operator out override package partial private protected protocol public readonly record return sealed set short static strictfp string struct suspend switch synchronized throw throws transient try typealias using val var virtual void volatile when where while yield'),
};
const RUBY: Language = {
  line: ['#'], strings: ['"', "'", '`'], capitalTypes: true, literals: LITERALS,
  keywords: words('alias and begin break case class def defined do else elsif end ensure for if in module next not or redo rescue retry return then undef unless until when while yield require attr_accessor attr_reader local function repeat'),
};
const PHP: Language = { ...JAVA, line: ['//', '#'] };
const SHELL: Language = {
  line: ['#'], strings: ['"', "'"],
  keywords: words('if then else elif fi for while until do done case esac function in select return exit export local readonly set unset shift source alias echo cd sudo'),
  word: /[\p{L}_][\p{L}\p{N}_-]*/uy,
};
const SQL: Language = {
  line: ['--'], block: [['/*', '*/']], strings: ["'", '"'], ignoreCase: true, literals: words('null true false'),
  keywords: words('add all alter and any as asc begin between by case check column commit constraint create cross database default delete desc distinct drop else end exists foreign from full group having if in index inner insert intersect into is join key left like limit not offset on or order outer over partition primary references returning right rollback select set table then transaction union unique update using values view when where with int integer bigint text varchar boolean date timestamp numeric real'),
};
const DATA: Language = { line: ['#'], strings: ['"', "'"], literals: words('true false null yes no on off'), keywords: new Set() };
const JSON_DATA: Language = { ...C_COMMENTS, strings: ['"'], literals: words('true false null'), keywords: new Set() };
const STYLE: Language = {
  block: [['/*', '*/']], line: ['//'], strings: ['"', "'"], word: /[@#.-]{0,2}[\p{L}_][\p{L}\p{N}_-]*/uy,
  keywords: words('@media @import @keyframes @supports @layer @container @font-face !important var calc'),
};
const LISP: Language = {
  line: [';', '--'], block: [['{-', '-}']], strings: ['"'], capitalTypes: true, literals: LITERALS,
  keywords: words('def defn defun define lambda let let* if cond else case of where data type class instance module import do in then newtype deriving fn loop recur ns require'),
};

const LANGUAGES: Record<string, Language> = {};
function register(language: Language, names: string): void {
  for (const name of names.split(' ')) LANGUAGES[name] = language;
}
register(SCRIPT, 'js javascript jsx ts typescript tsx mjs cjs node vue svelte');
register(PYTHON, 'py python python3 py3 starlark bazel');
register(C_FAMILY, 'c h cpp c++ cc cxx hpp cuda cu objc glsl hlsl wgsl arduino');
register(RUST, 'rs rust');
register(GO, 'go golang');
register(JAVA, 'java kotlin kt scala cs csharp c# swift dart groovy zig');
register(PHP, 'php');
register(RUBY, 'rb ruby lua perl pl julia jl elixir ex r');
register(SHELL, 'sh bash zsh shell console terminal fish powershell ps1 dockerfile docker make makefile cmake nix');
register(SQL, 'sql postgres postgresql mysql sqlite plsql');
register(DATA, 'yaml yml toml ini conf env properties');
register(JSON_DATA, 'json jsonc json5 jsonl');
register(STYLE, 'css scss sass less');
register(LISP, 'clj clojure lisp scheme racket hs haskell elm ml ocaml fsharp');
const MARKUP = new Set('html xml svg xhtml rss plist'.split(' '));

export function highlight(code: string, lang: string): Token[] {
  if (code.length > MAX_HIGHLIGHTED) return [['', code]];
  if (MARKUP.has(lang)) return markup(code);
  if (lang === 'diff' || lang === 'patch') return diff(code);
  const language = Object.hasOwn(LANGUAGES, lang) ? LANGUAGES[lang]! : null;
  return language ? lex(code, language) : [['', code]];
}

class Tokens {
  readonly list: Token[] = [];
  add(shade: Shade, text: string): void {
    if (!text) return;
    const last = this.list[this.list.length - 1];
    if (last && last[0] === shade) last[1] += text;
    else this.list.push([shade, text]);
  }
}

function lex(code: string, language: Language): Token[] {
  const out = new Tokens();
  const word = language.word ?? WORD;
  let i = 0;
  while (i < code.length) {
    const end = comment(code, i, language);
    if (end > i) {
      out.add('comment', code.slice(i, end));
      i = end;
      continue;
    }
    const quote = language.strings?.find((s) => code.startsWith(s, i));
    if (quote) {
      const close = stringEnd(code, i, quote);
      const text = code.slice(i, close);
      const isKey = language === JSON_DATA && /^\s*:/.test(code.slice(close, close + 16));
      out.add(isKey ? 'function' : 'string', text);
      i = close;
      continue;
    }
    NUMBER.lastIndex = i;
    const number = /\d/.test(code[i]!) ? NUMBER.exec(code) : null;
    if (number) {
      out.add('number', number[0]);
      i += number[0].length;
      continue;
    }
    word.lastIndex = i;
    const name = word.exec(code)?.[0];
    if (name) {
      out.add(shadeOf(name, code, i + name.length, language), name);
      i += name.length;
    } else {
      out.add('', code[i]!);
      i++;
    }
  }
  return out.list;
}

function shadeOf(name: string, code: string, end: number, language: Language): Shade {
  const key = language.ignoreCase ? name.toLowerCase() : name;
  if (language.literals?.has(key)) return 'literal';
  if (language.keywords.has(key)) return 'keyword';
  if (code[end] === '(') return 'function';
  if (language === DATA && code[end] === ':') return 'function';
  return language.capitalTypes && /^\p{Lu}/u.test(name) && name.length > 1 ? 'type' : '';
}

function comment(code: string, i: number, language: Language): number {
  for (const mark of language.line ?? []) {
    if (!code.startsWith(mark, i)) continue;
    if (mark === '#' && i > 0 && !/[\s;(]/.test(code[i - 1]!)) continue; // "$#", "a#b"
    const end = code.indexOf('\n', i);
    return end < 0 ? code.length : end;
  }
  for (const [open, close] of language.block ?? []) {
    if (!code.startsWith(open, i)) continue;
    const end = code.indexOf(close, i + open.length);
    return end < 0 ? code.length : end + close.length;
  }
  return i;
}

function stringEnd(code: string, i: number, quote: string): number {
  const multiline = quote.length > 1 || quote === '`';
  for (let at = i + quote.length; at < code.length; at++) {
    if (code[at] === '\\') at++;
    else if (code[at] === '\n' && !multiline) return at;
    else if (code.startsWith(quote, at)) return at + quote.length;
  }
  return code.length;
}

function markup(code: string): Token[] {
  const out = new Tokens();
  let i = 0;
  while (i < code.length) {
    if (code.startsWith('<!--', i)) {
      const end = code.indexOf('-->', i);
      out.add('comment', code.slice(i, end < 0 ? code.length : end + 3));
      i = end < 0 ? code.length : end + 3;
    } else if (code[i] === '<') {
      i = tag(code, i, out);
    } else {
      const end = code.indexOf('<', i);
      out.add('', code.slice(i, end < 0 ? code.length : end));
      i = end < 0 ? code.length : end;
    }
  }
  return out.list;
}

function tag(code: string, i: number, out: Tokens): number {
  const name = /^<[/!?]?[\w:-]*/.exec(code.slice(i, i + 128))![0];
  out.add('tag', name);
  let at = i + name.length;
  while (at < code.length && code[at] !== '>') {
    const c = code[at]!;
    if (c === '"' || c === "'") {
      const end = code.indexOf(c, at + 1);
      out.add('string', code.slice(at, end < 0 ? code.length : end + 1));
      at = end < 0 ? code.length : end + 1;
    } else {
      out.add(/[\w:-]/.test(c) ? 'function' : '', c);
      at++;
    }
  }
  if (at < code.length) out.add('tag', '>');
  return at + 1;
}

function diff(code: string): Token[] {
  const out = new Tokens();
  for (const line of code.split(/(?<=\n)/)) {
    const shade: Shade = line.startsWith('@@') ? 'keyword' : line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : '';
    out.add(shade, line);
  }
  return out.list;
}
