// Export and import of conversations as a file. What comes from a file is checked field by field.
import { newId, type Column, type Conversation, type Message, type Role } from '../chat/conversation';
import { DEFAULT_SETTINGS, type ColumnSettings } from '../chat/settings';

const FORMAT = 'trivet-chats';
const MAX_CONVERSATIONS = 10_000;
const MAX_COLUMNS = 4;

export function exportText(conversations: Conversation[]): string {
  return JSON.stringify({ format: FORMAT, version: 1, conversations }, null, 1);
}

// Throws an Error a reader understands.
export function importText(text: string): Conversation[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('The file is not JSON.');
  }
  const file = asObject(value);
  if (file.format !== FORMAT || !Array.isArray(file.conversations)) throw new Error('The file holds no chats of this page.');
  return file.conversations.slice(0, MAX_CONVERSATIONS).map(readConversation);
}

function readConversation(value: unknown): Conversation {
  const from = asObject(value);
  const columns = (Array.isArray(from.columns) ? from.columns : []).slice(0, MAX_COLUMNS).map(readColumn);
  if (columns.length === 0) throw new Error('A chat of the file has no messages.');
  return {
    id: asText(from.id) || newId(), title: asText(from.title).slice(0, 200) || 'Imported chat', titled: from.titled === true,
    created: asNumber(from.created) ?? Date.now(), updated: asNumber(from.updated) ?? Date.now(), columns,
  };
}

function readColumn(value: unknown): Column {
  const from = asObject(value);
  const messages: Record<string, Message> = {};
  for (const raw of Object.values(asObject(from.messages))) {
    const message = readMessage(raw);
    messages[message.id] = message;
  }
  for (const message of Object.values(messages)) {
    if (message.parent !== null && !messages[message.parent]) message.parent = null;
  }
  const chosen: Record<string, string> = {};
  for (const [key, child] of Object.entries(asObject(from.chosen))) {
    if (typeof child === 'string') chosen[key] = child;
  }
  return { id: asText(from.id) || newId(), settings: readSettings(from.settings), messages, chosen };
}

// Takes the known fields that have the type of their default.
export function readSettings(value: unknown): ColumnSettings {
  const from = asObject(value);
  const settings: Record<string, unknown> = { ...DEFAULT_SETTINGS };
  for (const [key, standard] of Object.entries(DEFAULT_SETTINGS)) {
    if (key !== 'params' && typeof from[key] === typeof standard) settings[key] = from[key];
  }
  const params: Record<string, number> = {};
  for (const [key, number] of Object.entries(asObject(from.params))) {
    if (typeof number === 'number' && Number.isFinite(number)) params[key] = number;
  }
  settings.params = params;
  return settings as unknown as ColumnSettings;
}

const ROLES: Role[] = ['user', 'assistant', 'tool'];

function readMessage(value: unknown): Message {
  const from = asObject(value);
  const role = ROLES.find((r) => r === from.role);
  const id = asText(from.id);
  if (!role || !id) throw new Error('A message of the file has no role or id.');
  const message: Message = {
    id, role, parent: typeof from.parent === 'string' ? from.parent : null, content: asText(from.content), created: asNumber(from.created) ?? 0,
  };
  for (const key of ['reasoning', 'toolCallId', 'prefix', 'model', 'finish', 'error'] as const) {
    if (typeof from[key] === 'string') message[key] = from[key];
  }
  for (const key of ['promptTokens', 'cachedTokens', 'completionTokens', 'firstMs', 'totalMs'] as const) {
    const number = asNumber(from[key]);
    if (number !== undefined) message[key] = number;
  }
  if (from.stopped === true) message.stopped = true;
  if (Array.isArray(from.toolCalls)) {
    message.toolCalls = from.toolCalls.map(asObject).map((c) => ({ id: asText(c.id), name: asText(c.name), arguments: asText(c.arguments) }));
  }
  if (Array.isArray(from.tokens)) {
    message.tokens = from.tokens.map(asObject).map((t) => ({
      text: asText(t.text), token: asText(t.token), logprob: asNumber(t.logprob) ?? 0,
      top: (Array.isArray(t.top) ? t.top : []).map(asObject).map((o) => ({ token: asText(o.token), logprob: asNumber(o.logprob) ?? 0 })),
    }));
  }
  return message;
}

function asObject(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
}
function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
