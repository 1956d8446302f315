// Answers being written: starting, stopping, and what the columns show meanwhile.
import { signal, type Signal } from '@preact/signals';
import type { Answer } from '../api/answer';
import { listModels, streamChat, type Timing } from '../api/client';
import { changeColumn, find, nameFromFirst } from '../store/chats';
import { keyOf } from '../store/preferences';
import { announce } from '../parts/announcer';
import { newId, openToolCalls, pathOf, withMessage, withUpdate, type Column, type Message } from './conversation';
import { requestBody, settingsProblem } from './settings';

interface Live {
  id: string; // of the message
  message: Signal<Message>; // grows with the stream, at most once per frame
  stop: AbortController;
}

// By column id. A column writes one answer at a time.
export const live = signal<ReadonlyMap<string, Live>>(new Map());

const SAVE_INTERVAL_MS = 2000;

export function isBusy(columnId: string): boolean {
  return live.value.has(columnId);
}

export function stopColumn(columnId: string): void {
  live.value.get(columnId)?.stop.abort();
}

export function stopAll(columns: Column[]): boolean {
  const busy = columns.filter((c) => isBusy(c.id));
  busy.forEach((c) => stopColumn(c.id));
  return busy.length > 0;
}

// Adds the user's message to the end of every column and lets each answer.
export function send(chatId: string, text: string): void {
  const chat = find(chatId);
  if (!chat) return;
  for (const column of chat.columns) {
    if (isBusy(column.id)) continue;
    const path = pathOf(column);
    const message: Message = { id: newId(), parent: path[path.length - 1]?.id ?? null, role: 'user', content: text, created: Date.now() };
    changeColumn(chatId, column.id, (c) => withMessage(c, message));
    void answer(chatId, column.id, message.id);
  }
  nameFromFirst(chatId, text);
}

// A second version of a user's message, beside the first, and its answer.
export function editUser(chatId: string, column: Column, original: Message, text: string): void {
  const message: Message = { id: newId(), parent: original.parent, role: 'user', content: text, created: Date.now() };
  changeColumn(chatId, column.id, (c) => withMessage(c, message));
  void answer(chatId, column.id, message.id);
}

// A second version of an answer as the user wants it, without asking the model.
export function editAssistant(chatId: string, column: Column, original: Message, text: string): void {
  const message: Message = { id: newId(), parent: original.parent, role: 'assistant', content: text, created: Date.now(), model: original.model, finish: 'edited' };
  changeColumn(chatId, column.id, (c) => withMessage(c, message));
}

export function regenerate(chatId: string, column: Column, original: Message): void {
  void answer(chatId, column.id, original.parent);
}

// Goes on after `prefix` in place of what the original said from there.
export function continueFrom(chatId: string, column: Column, original: Message, prefix: string): void {
  void answer(chatId, column.id, original.parent, prefix);
}

// Takes the results the user typed; the model answers when all calls have one.
export function giveToolResults(chatId: string, column: Column, results: { callId: string; content: string }[]): void {
  let parent = pathOf(column).at(-1)?.id ?? null;
  for (const { callId, content } of results) {
    const message: Message = { id: newId(), parent, role: 'tool', content, toolCallId: callId, created: Date.now() };
    changeColumn(chatId, column.id, (c) => withMessage(c, message));
    parent = message.id;
  }
  const changed = find(chatId)?.columns.find((c) => c.id === column.id);
  if (changed && openToolCalls(changed).length === 0) void answer(chatId, column.id, parent);
}

async function answer(chatId: string, columnId: string, parent: string | null, prefix = ''): Promise<void> {
  const column = find(chatId)?.columns.find((c) => c.id === columnId);
  if (!column || isBusy(columnId)) return;
  const first: Message = { id: newId(), parent, role: 'assistant', content: prefix, prefix: prefix || undefined, created: Date.now() };
  changeColumn(chatId, columnId, (c) => withMessage(c, first));
  const stop = new AbortController();
  const shown = signal(first);
  live.value = new Map(live.value).set(columnId, { id: first.id, message: shown, stop });
  announce('Writing an answer.');
  const last = await produce(chatId, column, shown, stop.signal, prefix);
  changeColumn(chatId, columnId, (c) => withUpdate(c, last));
  const others = new Map(live.value);
  others.delete(columnId);
  live.value = others;
  announce(last.error ? `Error: ${last.error}` : last.stopped ? 'Stopped.' : 'The answer is complete.');
}

async function produce(chatId: string, column: Column, shown: Signal<Message>, signal: AbortSignal, prefix: string): Promise<Message> {
  const { settings } = column;
  const start = shown.value;
  const at = { server: settings.server, key: keyOf(settings.server) };
  let saved = performance.now();
  let frame = 0;
  let latest = start;
  const show = () => {
    frame = 0;
    shown.value = latest;
    if (performance.now() - saved > SAVE_INTERVAL_MS) {
      saved = performance.now();
      changeColumn(chatId, column.id, (c) => withUpdate(c, latest));
    }
  };
  try {
    const problem = settingsProblem(settings);
    if (problem) throw new Error(problem);
    const model = settings.model || (await listModels(at, signal))[0]?.id || '';
    const path = pathUpTo(column, start.parent);
    const result = await streamChat(at, requestBody(settings, model, path, prefix), signal, (answer, timing) => {
      latest = filled(start, answer, timing, prefix);
      // A hidden tab has no frames.
      if (document.hidden) show();
      else frame ||= requestAnimationFrame(show);
    });
    return filled(start, result.answer, result.timing, prefix);
  } catch (error) {
    const message = error as Error;
    if (message.name === 'AbortError') return { ...latest, stopped: true };
    return { ...latest, error: message.message };
  } finally {
    if (frame) cancelAnimationFrame(frame);
  }
}

function pathUpTo(column: Column, id: string | null): Message[] {
  const path: Message[] = [];
  const seen = new Set<string>();
  for (let at = id; at !== null && !seen.has(at); ) {
    const message: Message | undefined = column.messages[at];
    if (!message) break;
    seen.add(at);
    path.unshift(message);
    at = message.parent;
  }
  return path;
}

function filled(start: Message, answer: Answer, timing: Timing, prefix: string): Message {
  return {
    ...start,
    content: prefix + answer.content,
    reasoning: answer.reasoning || undefined,
    toolCalls: answer.toolCalls.length > 0 ? answer.toolCalls.map((c) => ({ ...c })) : undefined,
    tokens: answer.tokens.length > 0 ? [...answer.tokens] : undefined,
    model: answer.model || undefined,
    finish: answer.finish,
    promptTokens: answer.promptTokens, cachedTokens: answer.cachedTokens, completionTokens: answer.completionTokens,
    firstMs: timing.firstMs, totalMs: timing.totalMs,
  };
}
