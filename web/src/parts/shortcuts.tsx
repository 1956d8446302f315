import { useEffect } from 'preact/hooks';
import { go, view } from '../app';
import { stopAll } from '../chat/generation';
import { current } from '../store/chats';
import { settingsOpen, sidebarOpen } from '../store/preferences';
import { focusComposer, newChat } from './actions';
import { Icon } from './icon';
import { Modal } from './modal';
import { helpOpen, paletteOpen } from './open_panels';

const KEYS: [string, string][] = [
  ['Enter', 'Send'],
  ['Shift Enter', 'New line'],
  ['Esc', 'Stop answering; close a panel'],
  ['/', 'Go to the message box'],
  ['Alt ↑', 'Edit the last message'],
  ['Ctrl K', 'Find a chat or a command'],
  ['Ctrl Shift O', 'New chat'],
  ['Ctrl Shift D', 'Dashboard and back'],
  ['Ctrl ,', 'Settings'],
  ['Ctrl B', 'Chat list'],
  ['← →', 'Between tokens, where probabilities are shown'],
  ['?', 'This list'],
];

function isTyping(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return !!element?.closest('input, textarea, select, [contenteditable]');
}

function onKey(event: KeyboardEvent): void {
  const meta = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  let taken = true;
  if (meta && key === 'k') paletteOpen.value = !paletteOpen.value;
  else if (meta && event.shiftKey && key === 'o') newChat();
  else if (meta && event.shiftKey && key === 'd') go(view.value === 'dashboard' ? 'chat' : 'dashboard');
  else if (meta && key === ',') settingsOpen.value = !settingsOpen.value;
  else if (meta && !event.shiftKey && key === 'b' ) sidebarOpen.value = !sidebarOpen.value;
  else if (event.altKey && event.key === 'ArrowUp') editLast();
  else if (key === 'escape' && !document.querySelector('dialog[open]')) taken = stopAll(current.value.columns);
  else if (!meta && !event.altKey && !isTyping(event.target) && event.key === '/') focusComposer();
  else if (!meta && !event.altKey && !isTyping(event.target) && event.key === '?') helpOpen.value = true;
  else taken = false;
  if (taken) event.preventDefault();
}

function editLast(): void {
  const buttons = document.querySelectorAll<HTMLButtonElement>('.message.user button[data-action="edit"]');
  buttons[buttons.length - 1]?.click();
}

export function useShortcuts(): void {
  useEffect(() => {
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

export function ShortcutHelp() {
  if (!helpOpen.value) return null;
  const close = () => (helpOpen.value = false);
  return (
    <Modal label="Keyboard shortcuts" name="help" onClose={close}>
      <header class="modal-head">
        <h2>Keyboard shortcuts</h2>
        <button type="button" class="quiet icon-only" aria-label="Close" onClick={close}><Icon name="close" /></button>
      </header>
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div key={keys}>
            <dt>{keys.split(' ').map((k) => <kbd key={k}>{k}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
