// What shortcuts, the palette and buttons have in common.
import { go, view } from '../app';
import { stopAll } from '../chat/generation';
import { current, startChat } from '../store/chats';
import { defaults, settingsOpen, sidebarOpen, theme, type Theme } from '../store/preferences';
import { newColumn, type Conversation } from '../chat/conversation';
import { put } from '../store/chats';
import { helpOpen, mobileSidebar, paletteOpen } from './open_panels';
import type { IconName } from './icon';

export const MAX_COLUMNS = 4;

export function newChat(): void {
  startChat();
  go('chat');
  mobileSidebar.value = false;
  focusComposer();
}

// When what is changing now has been drawn.
export function focusSoon(selector: string): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>(selector)?.focus());
}

export function focusComposer(): void {
  focusSoon('#composer-text');
}

export function nextTheme(): void {
  const order: Theme[] = ['system', 'light', 'dark'];
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length]!;
}

// A column with the settings of the last one, to be changed.
export function addColumn(chat: Conversation): void {
  if (chat.columns.length >= MAX_COLUMNS) return;
  const last = chat.columns[chat.columns.length - 1];
  put({ ...chat, columns: [...chat.columns, newColumn({ ...(last?.settings ?? defaults.value) })] });
}

export interface Action {
  name: string;
  icon: IconName;
  keys?: string;
  run: () => void;
}

export function allActions(): Action[] {
  return [
    { name: 'New chat', icon: 'add', keys: 'Ctrl Shift O', run: newChat },
    { name: 'Stop answering', icon: 'stop', keys: 'Esc', run: () => void stopAll(current.value.columns) },
    { name: 'Compare side by side: add a column', icon: 'columns', run: () => { go('chat'); addColumn(current.value); } },
    { name: view.value === 'dashboard' ? 'Back to the chat' : 'Dashboard', icon: 'chart', keys: 'Ctrl Shift D', run: () => go(view.value === 'dashboard' ? 'chat' : 'dashboard') },
    { name: 'Settings', icon: 'settings', keys: 'Ctrl ,', run: () => { go('chat'); settingsOpen.value = !settingsOpen.value; } },
    { name: 'Show or hide the chat list', icon: 'menu', keys: 'Ctrl B', run: () => { sidebarOpen.value = !sidebarOpen.value; } },
    { name: 'Change the theme', icon: 'moon', run: nextTheme },
    { name: 'Keyboard shortcuts', icon: 'keyboard', keys: '?', run: () => { helpOpen.value = true; } },
  ];
}

export function openPalette(): void {
  paletteOpen.value = true;
}
