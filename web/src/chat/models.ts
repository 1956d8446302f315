// The models of each server, as far as asked.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { listModels, type RequestError } from '../api/client';
import { keyOf } from '../store/preferences';

export interface ServerModels {
  names: string[];
  maxLen: Record<string, number>;
  error: string; // '' = none
  needsKey: boolean;
}

const known = signal<Record<string, ServerModels>>({});
const asked = new Map<string, string>(); // server -> the key it was asked with

export function modelsOf(server: string): ServerModels | null {
  return known.value[server.trim()] ?? null;
}

export async function refreshModels(server: string): Promise<void> {
  const name = server.trim();
  const key = keyOf(name);
  asked.set(name, key);
  let result: ServerModels;
  try {
    const list = await listModels({ server: name, key });
    const maxLen = Object.fromEntries(list.filter((m) => m.maxLen).map((m) => [m.id, m.maxLen!]));
    result = { names: list.map((m) => m.id), maxLen, error: '', needsKey: false };
  } catch (error) {
    result = { names: [], maxLen: {}, error: (error as Error).message, needsKey: (error as RequestError).status === 401 };
  }
  if (asked.get(name) === key) known.value = { ...known.value, [name]: result };
}

// Asks when a server or its key is new.
export function useModels(server: string): ServerModels | null {
  const name = server.trim();
  const key = keyOf(name);
  useEffect(() => {
    if (asked.get(name) === key) return;
    const timer = setTimeout(() => void refreshModels(name), asked.has(name) ? 500 : 0);
    return () => clearTimeout(timer);
  }, [name, key]);
  return modelsOf(name);
}
