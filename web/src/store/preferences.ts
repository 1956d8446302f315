// Small things kept in the browser: theme, panels, default settings, keys of servers.
import { effect, signal, type Signal } from '@preact/signals';
import { DEFAULT_SETTINGS, type ColumnSettings } from '../chat/settings';
import { readSettings } from './transfer';

export type Theme = 'system' | 'light' | 'dark';

function read(store: Storage, key: string): unknown {
  try {
    return JSON.parse(store.getItem(`trivet.${key}`) ?? 'null');
  } catch {
    return null;
  }
}

function write(store: Storage, key: string, value: unknown): void {
  try {
    store.setItem(`trivet.${key}`, JSON.stringify(value));
  } catch {
    // full or forbidden: the preference lasts as long as the page
  }
}

function kept<T>(key: string, standard: T, check: (value: unknown) => T | null): Signal<T> {
  const kept = signal(check(read(localStorage, key)) ?? standard);
  effect(() => write(localStorage, key, kept.value));
  return kept;
}

const asBoolean = (value: unknown) => (typeof value === 'boolean' ? value : null);

export const theme = kept<Theme>('theme', 'system', (v) => (v === 'light' || v === 'dark' ? v : null));
export const sidebarOpen = kept('sidebar', true, asBoolean);
export const settingsOpen = kept('settings', false, asBoolean);
export const remembersKeys = kept('rememberKeys', false, asBoolean);
export const defaults = kept<ColumnSettings>('defaults', DEFAULT_SETTINGS, (v) => (v ? readSettings(v) : null));

// API keys by server, never exported. For this visit only, unless asked to remember.
const keyTable = signal(asKeys({ ...asKeys(read(localStorage, 'keys')), ...asKeys(read(sessionStorage, 'keys')) }));
effect(() => {
  write(remembersKeys.value ? localStorage : sessionStorage, 'keys', keyTable.value);
  try {
    (remembersKeys.value ? sessionStorage : localStorage).removeItem('trivet.keys');
  } catch {
    // forbidden: nothing was kept either
  }
});

function asKeys(value: unknown): Record<string, string> {
  if (value === null || typeof value !== 'object') return {};
  return Object.fromEntries(Object.entries(value).filter((e): e is [string, string] => typeof e[1] === 'string'));
}

export function keyOf(server: string): string {
  return keyTable.value[server.trim()] ?? '';
}

export function setKey(server: string, key: string): void {
  const { [server.trim()]: _, ...others } = keyTable.value;
  keyTable.value = key ? { ...others, [server.trim()]: key } : others;
}

effect(() => {
  const root = document.documentElement;
  if (theme.value === 'system') delete root.dataset.theme;
  else root.dataset.theme = theme.value;
});
