// Finds chats (by title and text) and commands.
import { useEffect, useRef, useState } from 'preact/hooks';
import { go } from '../app';
import type { Conversation } from '../chat/conversation';
import { chats, openId } from '../store/chats';
import { allActions, focusComposer } from './actions';
import { Icon, type IconName } from './icon';
import { Modal } from './modal';
import { paletteOpen } from './open_panels';

interface Entry {
  id: string;
  name: string;
  detail: string;
  icon: IconName;
  run: () => void;
}

const MAX_ENTRIES = 40;

export function Palette() {
  return paletteOpen.value ? <OpenPalette /> : null;
}

function OpenPalette() {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const entries = search(query);
  const close = () => (paletteOpen.value = false);
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    entry.run();
  };
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt((at + 1) % Math.max(1, entries.length));
    else if (event.key === 'ArrowUp') setAt((at + entries.length - 1) % Math.max(1, entries.length));
    else if (event.key === 'Enter') run(entries[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Modal label="Find a chat or a command" name="palette" onClose={close}>
      <div class="palette-input">
        <Icon name="search" />
        <input
          type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-label="Find a chat or a command"
          aria-activedescendant={entries[at] ? `entry-${at}` : undefined} placeholder="Find a chat or a command…" autocomplete="off" spellcheck={false}
          value={query} onInput={(e) => { setQuery(e.currentTarget.value); setAt(0); }} onKeyDown={onKey}
        />
      </div>
      <ul id="palette-list" ref={list} role="listbox" aria-label="Chats and commands">
        {entries.map((entry, index) => (
          <li key={entry.id} id={`entry-${index}`} role="option" aria-selected={index === at} onClick={() => run(entry)} onMouseMove={() => setAt(index)}>
            <Icon name={entry.icon} />
            <span class="name">{entry.name}</span>
            <span class="detail">{entry.detail}</span>
          </li>
        ))}
      </ul>
      {entries.length === 0 && <p class="empty">Nothing found.</p>}
    </Modal>
  );
}

function search(query: string): Entry[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const commands = allActions()
    .filter((a) => words.every((w) => a.name.toLowerCase().includes(w)))
    .map((a) => ({ id: a.name, name: a.name, detail: a.keys ?? '', icon: a.icon, run: a.run }));
  const found = chats.value
    .filter((chat) => words.every((w) => chat.title.toLowerCase().includes(w) || (w.length > 2 && mentions(chat, w))))
    .map((chat) => ({
      id: chat.id, name: chat.title, detail: new Date(chat.updated).toLocaleDateString(), icon: 'chat' as const,
      run: () => { openId.value = chat.id; go('chat'); focusComposer(); },
    }));
  return (words.length > 0 ? [...found, ...commands] : [...commands, ...found]).slice(0, MAX_ENTRIES);
}

function mentions(chat: Conversation, word: string): boolean {
  return chat.columns.some((c) => Object.values(c.messages).some((m) => m.content.toLowerCase().includes(word)));
}
