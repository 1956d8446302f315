import { expect, test } from 'vitest';
import { AnswerBuilder } from './answer';
import { baseUrl, rootUrl } from './client';

test('puts content, reasoning and usage together', () => {
  const builder = new AnswerBuilder();
  expect(builder.take({ model: 'm', choices: [{ delta: { role: 'assistant', content: '' } }] })).toBe(false);
  expect(builder.take({ choices: [{ delta: { reasoning: 'hm' } }] })).toBe(true);
  builder.take({ choices: [{ delta: { reasoning: '.', reasoning_content: '.' } }] });
  builder.take({ choices: [{ delta: { content: 'Hel' } }] });
  builder.take({ choices: [{ delta: { content: 'lo' }, finish_reason: 'stop' }] });
  builder.take({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 3 } } });
  expect(builder.answer).toMatchObject({
    content: 'Hello', reasoning: 'hm.', finish: 'stop', model: 'm', promptTokens: 5, completionTokens: 2, cachedTokens: 3,
  });
});

test('puts the arguments of parallel tool calls together', () => {
  const builder = new AnswerBuilder();
  const call = (index: number, rest: object) => builder.take({ choices: [{ delta: { tool_calls: [{ index, ...rest }] } }] });
  call(0, { id: 'a', function: { name: 'one', arguments: '' } });
  call(1, { id: 'b', function: { name: 'two', arguments: '{"y"' } });
  call(0, { function: { arguments: '{"x":1}' } });
  call(1, { function: { arguments: ':2}' } });
  expect(builder.answer.toolCalls).toEqual([{ id: 'a', name: 'one', arguments: '{"x":1}' }, { id: 'b', name: 'two', arguments: '{"y":2}' }]);
});

test('ignores tool calls with an index that would fill the memory', () => {
  const builder = new AnswerBuilder();
  for (const index of [-1, 1e9, 0.5]) builder.take({ choices: [{ delta: { tool_calls: [{ index, function: { name: 'x' } }] } }] });
  expect(builder.answer.toolCalls).toEqual([]);
});

test('shows a character that several tokens make at the last of them', () => {
  const builder = new AnswerBuilder();
  const [a, b, c] = [[240, 159], [166, 138], [33]];
  builder.take({ choices: [{ logprobs: { content: [
    { token: '\ufffd', logprob: -1, bytes: a, top_logprobs: [{ token: '\ufffd', logprob: -1, bytes: a }] },
    { token: '\ufffd', logprob: -0.5, bytes: b }, { token: '!', logprob: 0, bytes: c }] } }] });
  expect(builder.answer.tokens.map((t) => t.text)).toEqual(['', '🦊', '!']);
  expect(builder.answer.tokens[0]!.top[0]!.token).toBe('\\xf0\\x9f');
});

test('makes an error event an error', () => {
  expect(() => new AnswerBuilder().take({ error: { message: 'no room' } })).toThrow('no room');
});

test('takes only the first choice', () => {
  const builder = new AnswerBuilder();
  builder.take({ choices: [{ index: 1, delta: { content: 'other' } }, { index: 0, delta: { content: 'mine' } }] });
  expect(builder.answer.content).toBe('mine');
});

test('understands server addresses', () => {
  expect(baseUrl('')).toBe('/v1');
  expect(baseUrl(' http://h:1/ ')).toBe('http://h:1/v1');
  expect(baseUrl('h:8000/v1')).toBe('http://h:8000/v1');
  expect(baseUrl('https://h/openai/v1/')).toBe('https://h/openai/v1');
  expect(rootUrl('http://h:1/v1', '/metrics')).toBe('http://h:1/metrics');
  expect(rootUrl('', '/metrics')).toBe('/metrics');
  expect(() => baseUrl('javascript:alert(1)//')).toThrow();
  expect(() => baseUrl('file:///etc/passwd')).toThrow('not an HTTP');
});
