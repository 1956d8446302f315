// All conversations and the open one.
import { computed, signal } from '@preact/signals';
import { newConversation, titleFor, withColumn, type Column, type Conversation } from '../chat/conversation';
import { DEFAULT_SETTINGS } from '../chat/settings';
import { openDatabase, type Database } from './database';
import { defaults } from './preferences';

let database: Database | null = null;

export const chats = signal<Conversation[]>([]); // newest first; those with messages
export const openId = signal<string>('');
const draft = signal<Conversation>(newConversation(DEFAULT_SETTINGS)); // the new chat, not stored before its first message
export const loaded = signal(false);
export const storageFailed = signal(false);

export const current = computed<Conversation>(() => chats.value.find((c) => c.id === openId.value) ?? draft.value);

export async function loadChats(): Promise<void> {
  draft.value = newConversation(defaults.value);
  database = await openDatabase();
  storageFailed.value = !database.durable;
  try {
    chats.value = sorted(await database.all());
  } catch {
    storageFailed.value = true;
  }
  loaded.value = true;
}

function sorted(list: Conversation[]): Conversation[] {
  return [...list].sort((a, b) => b.updated - a.updated);
}

export function startChat(): void {
  if (openId.value === '' && hasNothing(draft.value)) return;
  // With the model that was talked to last.
  const last = current.value.columns[0]?.settings;
  draft.value = newConversation({ ...defaults.value, ...(last && { server: last.server, model: last.model }) });
  openId.value = '';
}

function hasNothing(chat: Conversation): boolean {
  return chat.columns.every((c) => Object.keys(c.messages).length === 0);
}

export function find(id: string): Conversation | undefined {
  return chats.value.find((c) => c.id === id) ?? (draft.value.id === id ? draft.value : undefined);
}

// Replaces a conversation and stores it, once it has messages.
export function put(chat: Conversation): void {
  const isStored = chats.value.some((c) => c.id === chat.id);
  if (!isStored && hasNothing(chat)) {
    draft.value = chat;
    return;
  }
  const wasOpen = current.value.id === chat.id;
  chats.value = sorted([chat, ...chats.value.filter((c) => c.id !== chat.id)]);
  if (wasOpen) openId.value = chat.id;
  store(chat);
}

function store(chat: Conversation): void {
  database?.put(chat).catch(() => (storageFailed.value = true));
}

// Changes one column of a conversation, which may not be the open one.
export function changeColumn(chatId: string, columnId: string, change: (column: Column) => Column): void {
  const chat = find(chatId);
  const column = chat?.columns.find((c) => c.id === columnId);
  if (!chat || !column) return;
  put(withColumn(chat, change(column)));
}

export function nameFromFirst(chatId: string, text: string): void {
  const chat = find(chatId);
  if (chat && !chat.titled && chat.title === 'New chat') put({ ...chat, title: titleFor(text) });
}

export function rename(id: string, title: string): void {
  const chat = find(id);
  if (chat && title.trim()) put({ ...chat, title: title.trim().slice(0, 200), titled: true });
}

export function remove(id: string): void {
  chats.value = chats.value.filter((c) => c.id !== id);
  if (openId.value === id) openId.value = '';
  if (draft.value.id === id || openId.value === '') draft.value = newConversation(defaults.value);
  database?.remove(id).catch(() => (storageFailed.value = true));
}

// Imported chats take new places; one that is there already is replaced if the file's is newer.
export function addAll(list: Conversation[]): number {
  let added = 0;
  const byId = new Map(chats.value.map((c) => [c.id, c]));
  for (const chat of list) {
    const present = byId.get(chat.id);
    if (present && present.updated >= chat.updated) continue;
    byId.set(chat.id, chat);
    store(chat);
    added++;
  }
  chats.value = sorted([...byId.values()]);
  return added;
}
