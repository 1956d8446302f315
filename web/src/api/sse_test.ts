import { expect, test } from 'vitest';
import { SseParser, type SseEvent } from './sse';

const bytes = (text: string) => new TextEncoder().encode(text);

function parse(pieces: Uint8Array[]): SseEvent[] {
  const parser = new SseParser();
  return pieces.flatMap((p) => parser.feed(p));
}

test('joins data lines and knows event names, ids and comments', () => {
  const events = parse([bytes(': ping\n\nid: 7\nevent: delta\ndata: a\ndata:b\n\ndata: {"x":1}\n\n')]);
  expect(events).toEqual([
    { event: 'delta', data: 'a\nb', id: '7' },
    { event: 'message', data: '{"x":1}', id: '7' },
  ]);
});

test('gives the same events however the bytes are split, for every line end', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const stream = bytes(['\ufeffdata: zwölf 🦊', '', 'event: e', 'data: two', 'data: lines', '', ': c', '', 'data:x', '', ': end'].join(end) + end);
    const whole = parse([stream]);
    expect(whole.map((e) => e.data)).toEqual(['zwölf 🦊', 'two\nlines', 'x']);
    for (let cut = 1; cut < stream.length; cut++) {
      expect(parse([stream.slice(0, cut), stream.slice(cut)])).toEqual(whole);
    }
    expect(parse(Array.from(stream, (b) => new Uint8Array([b])))).toEqual(whole);
  }
});

test('does not end an event that was cut', () => {
  expect(parse([bytes('data: whole\n\ndata: half\n')]).map((e) => e.data)).toEqual(['whole']);
});

test('refuses an event without end', () => {
  const parser = new SseParser();
  const piece = bytes('x'.repeat(1 << 20));
  expect(() => {
    for (let i = 0; i < 20; i++) parser.feed(piece);
  }).toThrow('too large');
});
