// A conversation as data: columns side by side, each a tree of messages with one chosen path. All changes
// give a new value.
import type { TokenInfo, ToolCall } from '../api/answer';
import type { WireMessage } from '../api/wire';
import type { ColumnSettings } from './settings';

export type Role = 'user' | 'assistant' | 'tool';

export interface Message {
  id: string;
  parent: string | null;
  role: Role;
  content: string;
  created: number; // ms
  reasoning?: string;
  toolCalls?: ToolCall[];
  toolCallId?: string; // role tool: which call this answers
  tokens?: TokenInfo[];
  prefix?: string; // assistant: text that the user put before what the model wrote
  model?: string;
  finish?: string | null;
  stopped?: boolean;
  error?: string;
  promptTokens?: number;
  cachedTokens?: number;
  completionTokens?: number;
  firstMs?: number | null;
  totalMs?: number;
}

export interface Column {
  id: string;
  settings: ColumnSettings;
  messages: Record<string, Message>;
  chosen: Record<string, string>; // parent id, or ROOT -> the child on the shown path
}

export interface Conversation {
  id: string;
  title: string;
  titled: boolean; // by the user: keep it
  created: number;
  updated: number;
  columns: Column[];
}

export const ROOT = '';

export function newId(): string {
  // randomUUID is there in secure contexts only.
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

export function newColumn(settings: ColumnSettings): Column {
  return { id: newId(), settings, messages: {}, chosen: {} };
}

export function newConversation(settings: ColumnSettings): Conversation {
  const now = Date.now();
  return { id: newId(), title: 'New chat', titled: false, created: now, updated: now, columns: [newColumn(settings)] };
}

export function childrenOf(column: Column, parent: string | null): Message[] {
  return Object.values(column.messages)
    .filter((m) => m.parent === parent)
    .sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
}

// The messages shown, first to last.
export function pathOf(column: Column): Message[] {
  const byParent = new Map<string, Message[]>();
  for (const message of Object.values(column.messages)) {
    const key = message.parent ?? ROOT;
    byParent.set(key, [...(byParent.get(key) ?? []), message]);
  }
  const path: Message[] = [];
  const seen = new Set<string>();
  let at = ROOT;
  for (;;) {
    const children = byParent.get(at) ?? [];
    const chosen = children.find((m) => m.id === column.chosen[at]) ?? latest(children);
    if (!chosen || seen.has(chosen.id)) return path;
    seen.add(chosen.id);
    path.push(chosen);
    at = chosen.id;
  }
}

function latest(messages: Message[]): Message | undefined {
  return messages.reduce<Message | undefined>((best, m) => (!best || m.created >= best.created ? m : best), undefined);
}

export function siblingsOf(column: Column, message: Message): Message[] {
  return childrenOf(column, message.parent);
}

// Adds or replaces a message and shows it.
export function withMessage(column: Column, message: Message): Column {
  return {
    ...column,
    messages: { ...column.messages, [message.id]: message },
    chosen: { ...column.chosen, [message.parent ?? ROOT]: message.id },
  };
}

export function withUpdate(column: Column, message: Message): Column {
  if (!column.messages[message.id]) return column;
  return { ...column, messages: { ...column.messages, [message.id]: message } };
}

export function withChosen(column: Column, message: Message): Column {
  return { ...column, chosen: { ...column.chosen, [message.parent ?? ROOT]: message.id } };
}

// Removes a message and all that follow it.
export function withoutMessage(column: Column, id: string): Column {
  const doomed = new Set([id]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const m of Object.values(column.messages)) {
      if (m.parent !== null && doomed.has(m.parent) && !doomed.has(m.id)) {
        doomed.add(m.id);
        grew = true;
      }
    }
  }
  const messages = Object.fromEntries(Object.entries(column.messages).filter(([key]) => !doomed.has(key)));
  const chosen = Object.fromEntries(Object.entries(column.chosen).filter(([key, value]) => !doomed.has(key) && !doomed.has(value)));
  return { ...column, messages, chosen };
}

export function withColumn(conversation: Conversation, column: Column): Conversation {
  return {
    ...conversation,
    updated: Date.now(),
    columns: conversation.columns.map((c) => (c.id === column.id ? column : c)),
  };
}

// Calls of the last message that have no result yet.
export function openToolCalls(column: Column, path = pathOf(column)): ToolCall[] {
  const answered = new Set<string>();
  for (let i = path.length - 1; i >= 0; i--) {
    const message = path[i]!;
    if (message.role === 'tool') answered.add(message.toolCallId ?? '');
    else return message.role === 'assistant' ? (message.toolCalls ?? []).filter((c) => !answered.has(c.id)) : [];
  }
  return [];
}

export function toWire(path: Message[], system: string): WireMessage[] {
  const out: WireMessage[] = [];
  if (system.trim()) out.push({ role: 'system', content: system });
  for (const message of path) {
    if (message.role === 'tool') {
      out.push({ role: 'tool', content: message.content, tool_call_id: message.toolCallId ?? '' });
    } else if (message.role === 'assistant') {
      if (message.error && !message.content && !message.toolCalls?.length) continue;
      const calls = message.toolCalls?.map((c) => ({ id: c.id, type: 'function' as const, function: { name: c.name, arguments: c.arguments } }));
      out.push({ role: 'assistant', content: message.content, ...(calls?.length ? { tool_calls: calls } : {}) });
    } else {
      out.push({ role: 'user', content: message.content });
    }
  }
  return out;
}

export function titleFor(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 57).trimEnd()}…` : line || 'New chat';
}
