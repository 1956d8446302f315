import { expect, test } from 'vitest';
import { exportText, importText } from '../store/transfer';
import {
  childrenOf, newColumn, newConversation, openToolCalls, pathOf, titleFor, toWire, withChosen, withMessage, withoutMessage, type Column, type Message,
} from './conversation';
import { DEFAULT_SETTINGS, jsonProblem, requestBody, settingsProblem, toolsProblem } from './settings';

let time = 0;
function add(column: Column, id: string, parent: string | null, role: Message['role'], content = id, more: Partial<Message> = {}): Column {
  return withMessage(column, { id, parent, role, content, created: ++time, ...more });
}

function talk(): Column {
  let column = newColumn(DEFAULT_SETTINGS);
  column = add(column, 'u1', null, 'user');
  column = add(column, 'a1', 'u1', 'assistant');
  column = add(column, 'u2', 'a1', 'user');
  return add(column, 'a2', 'u2', 'assistant');
}

const ids = (column: Column) => pathOf(column).map((m) => m.id);

test('an edited message is a branch, and both branches stay', () => {
  let column = add(talk(), 'u2b', 'a1', 'user');
  column = add(column, 'a2b', 'u2b', 'assistant');
  expect(ids(column)).toEqual(['u1', 'a1', 'u2b', 'a2b']);
  column = withChosen(column, column.messages.u2!);
  expect(ids(column)).toEqual(['u1', 'a1', 'u2', 'a2']);
  expect(childrenOf(column, 'a1').map((m) => m.id)).toEqual(['u2', 'u2b']);
});

test('a deleted message takes what follows with it', () => {
  const column = withoutMessage(talk(), 'a1');
  expect(ids(column)).toEqual(['u1']);
  expect(Object.keys(column.messages)).toEqual(['u1']);
});

test('a circle of parents, as a broken file may hold, ends', () => {
  const column = newColumn(DEFAULT_SETTINGS);
  column.messages = { a: { id: 'a', parent: 'b', role: 'user', content: '', created: 1 }, b: { id: 'b', parent: 'a', role: 'user', content: '', created: 1 } };
  expect(ids(column)).toEqual([]);
});

test('open tool calls are those of the last answer without a result', () => {
  const calls = [{ id: 'c1', name: 'f', arguments: '{}' }, { id: 'c2', name: 'g', arguments: '{}' }];
  let column = add(newColumn(DEFAULT_SETTINGS), 'u', null, 'user');
  column = add(column, 'a', 'u', 'assistant', '', { toolCalls: calls });
  expect(openToolCalls(column).map((c) => c.id)).toEqual(['c1', 'c2']);
  column = add(column, 't', 'a', 'tool', '1', { toolCallId: 'c2' });
  expect(openToolCalls(column).map((c) => c.id)).toEqual(['c1']);
  column = add(column, 't2', 't', 'tool', '2', { toolCallId: 'c1' });
  expect(openToolCalls(column)).toEqual([]);
  expect(toWire(pathOf(column), 'S')).toEqual([
    { role: 'system', content: 'S' }, { role: 'user', content: 'u' },
    { role: 'assistant', content: '', tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }, { id: 'c2', type: 'function', function: { name: 'g', arguments: '{}' } }] },
    { role: 'tool', content: '1', tool_call_id: 'c2' }, { role: 'tool', content: '2', tool_call_id: 'c1' }]);
});

test('an answer that failed is not sent back', () => {
  const column = add(add(newColumn(DEFAULT_SETTINGS), 'u', null, 'user'), 'a', 'u', 'assistant', '', { error: 'no' });
  expect(toWire(pathOf(column), '')).toEqual([{ role: 'user', content: 'u' }]);
});

test('the request holds what is set and nothing else', () => {
  const path = pathOf(add(newColumn(DEFAULT_SETTINGS), 'u', null, 'user', 'Hi'));
  expect(requestBody(DEFAULT_SETTINGS, 'm', path)).toEqual({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true, stream_options: { include_usage: true } });
  const settings = {
    ...DEFAULT_SETTINGS, params: { temperature: 0, seed: 7 }, stop: 'A\n\nB', logprobs: true, format: 'json_schema' as const, schema: '{"type":"object"}',
    usesTools: true, tools: '[{"type":"function","function":{"name":"f"}}]', parallelTools: false, thinking: 'off' as const, extra: '{"n":1,"seed":8}',
  };
  expect(requestBody(settings, 'm', path)).toMatchObject({
    temperature: 0, seed: 8, n: 1, stop: ['A', 'B'], logprobs: true, top_logprobs: 5, chat_template_kwargs: { enable_thinking: false }, tool_choice: 'auto', parallel_tool_calls: false,
    response_format: { type: 'json_schema', json_schema: { schema: { type: 'object' }, strict: true } },
  });
});

test('an answer with a beginning is continued', () => {
  const body = requestBody(DEFAULT_SETTINGS, 'm', pathOf(add(newColumn(DEFAULT_SETTINGS), 'u', null, 'user')), 'So far');
  expect(body).toMatchObject({ continue_final_message: true, add_generation_prompt: false });
  expect((body.messages as object[]).at(-1)).toEqual({ role: 'assistant', content: 'So far' });
});

test('says what is wrong with JSON', () => {
  expect(jsonProblem('{"a": 1}', 'object')).toBeNull();
  expect(jsonProblem('[1]', 'object')).toContain('{…}');
  expect(jsonProblem('{\n"a": }', 'object')).toMatch(/^Line 2|Unexpected/);
  expect(toolsProblem('[{"type":"function"}]')).toContain('Tool 1');
  expect(settingsProblem({ ...DEFAULT_SETTINGS, format: 'json_schema', schema: '' })).toContain('JSON schema');
  expect(settingsProblem(DEFAULT_SETTINGS)).toBeNull();
});

test('export and import give the same chat', () => {
  const chat = { ...newConversation(DEFAULT_SETTINGS), columns: [{ ...talk(), settings: { ...DEFAULT_SETTINGS, system: 'S', params: { top_k: 3 } } }] };
  expect(importText(exportText([chat]))).toEqual([chat]);
});

test('import refuses what is no export and takes no unknown types', () => {
  for (const text of ['', '{', '[]', '{"format":"trivet-chats"}', '{"format":"trivet-chats","conversations":[{}]}', 'null']) expect(() => importText(text)).toThrow();
  const hostile = { format: 'trivet-chats', conversations: [{ title: { x: 1 }, columns: [{ settings: { system: 3, params: { seed: 'x' } }, messages: { m: { id: 'm', role: 'user', parent: 'gone', content: ['x'], tokens: 'no' } }, chosen: { '': 1 } }] }] };
  const [chat] = importText(JSON.stringify(hostile));
  expect(chat).toMatchObject({ title: 'Imported chat', columns: [{ settings: { system: '', params: {} }, messages: { m: { content: '', parent: null } }, chosen: {} }] });
});

test('titles are one short line', () => {
  expect(titleFor('  Hello\n there ')).toBe('Hello there');
  expect(titleFor('x'.repeat(100))).toHaveLength(58);
});
