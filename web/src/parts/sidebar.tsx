import { useRef, useState } from 'preact/hooks';
import { go, view } from '../app';
import { live, stopAll } from '../chat/generation';
import type { Conversation } from '../chat/conversation';
import { addAll, chats, openId, remove, rename } from '../store/chats';
import { sidebarOpen, theme } from '../store/preferences';
import { exportText, importText } from '../store/transfer';
import { focusSoon, newChat, nextTheme, openPalette } from './actions';
import { Drawer } from './drawer';
import { saveFile } from './files';
import { Icon } from './icon';
import { NARROW, useMedia } from './media';
import { tell } from './notice';
import { helpOpen, mobileSidebar } from './open_panels';

export function Sidebar() {
  const narrow = useMedia(NARROW);
  const open = narrow ? mobileSidebar.value : sidebarOpen.value;
  const close = () => {
    if (narrow) mobileSidebar.value = false;
    else sidebarOpen.value = false;
    focusSoon('.top-bar [data-opens="sidebar"]');
  };
  return (
    <Drawer name="sidebar" label="Chats" open={open} modalWhen={NARROW} onClose={close}>
      <header class="brand">
        <img src="/ui/icon.svg" alt="" width="28" height="28" />
        <strong>Trivet</strong>
        <button type="button" class="quiet icon-only" aria-label="Hide the chat list" onClick={close}><Icon name={narrow ? 'close' : 'left'} /></button>
      </header>
      <div class="side-actions">
        <button type="button" class="primary" onClick={newChat}><Icon name="add" />New chat</button>
        <button type="button" class="icon-only" aria-label="Find a chat or a command" onClick={openPalette}><Icon name="search" /></button>
      </div>
      <ChatList />
      <SidebarFoot />
    </Drawer>
  );
}

function ChatList() {
  const groups = grouped(chats.value);
  if (chats.value.length === 0) return <p class="empty chat-list">Your chats appear here. They stay in this browser.</p>;
  return (
    <nav class="chat-list" aria-label="History">
      {groups.map(([name, list]) => (
        <section key={name}>
          <h2>{name}</h2>
          <ul>{list.map((chat) => <ChatEntry key={chat.id} chat={chat} />)}</ul>
        </section>
      ))}
    </nav>
  );
}

function ChatEntry({ chat }: { chat: Conversation }) {
  const [editing, setEditing] = useState(false);
  const open = view.value === 'chat' && openId.value === chat.id;
  const busy = chat.columns.some((c) => live.value.has(c.id));
  const show = () => {
    openId.value = chat.id;
    mobileSidebar.value = false;
    go('chat');
  };
  const discard = () => {
    const kept = chat;
    stopAll(chat.columns);
    remove(chat.id);
    tell(`“${kept.title}” was deleted.`, { label: 'Undo', run: () => void addAll([kept]) });
  };
  if (editing) {
    return (
      <li class="chat-entry editing">
        <input
          aria-label="Name of the chat" value={chat.title} autofocus maxLength={200} ref={(e) => e?.focus()}
          onKeyDown={(e) => {
            if (e.key === 'Enter') e.currentTarget.blur();
            if (e.key === 'Escape') { e.currentTarget.value = chat.title; e.stopPropagation(); e.preventDefault(); setEditing(false); }
          }}
          onBlur={(e) => { if (e.currentTarget.value !== chat.title) rename(chat.id, e.currentTarget.value); setEditing(false); }}
        />
      </li>
    );
  }
  return (
    <li class={`chat-entry ${open ? 'open' : ''}`}>
      <button type="button" class="title" aria-current={open ? 'page' : undefined} onClick={show} title={chat.title}>
        {busy && <span class="pulse" aria-label="answering" role="img" />}<span>{chat.title}</span>
      </button>
      <button type="button" class="quiet icon-only small" aria-label={`Rename “${chat.title}”`} onClick={() => setEditing(true)}><Icon name="edit" /></button>
      <button type="button" class="quiet icon-only small" aria-label={`Delete “${chat.title}”`} onClick={discard}><Icon name="trash" /></button>
    </li>
  );
}

function grouped(list: Conversation[]): [string, Conversation[]][] {
  const today = new Date().setHours(0, 0, 0, 0);
  const day = 86_400_000;
  const groups: [string, (t: number) => boolean][] = [
    ['Today', (t) => t >= today],
    ['Yesterday', (t) => t >= today - day],
    ['The last 7 days', (t) => t >= today - 7 * day],
    ['Earlier', () => true],
  ];
  const out = new Map<string, Conversation[]>();
  for (const chat of list) {
    const name = groups.find(([, fits]) => fits(chat.updated))![0];
    out.set(name, [...(out.get(name) ?? []), chat]);
  }
  return [...out];
}

const THEME_NAMES = { system: 'as the system', light: 'light', dark: 'dark' } as const;

function SidebarFoot() {
  const file = useRef<HTMLInputElement>(null);
  const dashboard = view.value === 'dashboard';
  const load = async (input: HTMLInputElement) => {
    const picked = input.files?.[0];
    input.value = '';
    if (!picked) return;
    try {
      const added = addAll(importText(await picked.text()));
      tell(`${added} ${added === 1 ? 'chat' : 'chats'} imported.`);
    } catch (error) {
      tell(`Not imported: ${(error as Error).message}`);
    }
  };
  return (
    <footer class="side-foot">
      <button type="button" class="wide" aria-current={dashboard ? 'page' : undefined} onClick={() => { mobileSidebar.value = false; go(dashboard ? 'chat' : 'dashboard'); }}>
        <Icon name={dashboard ? 'chat' : 'chart'} />{dashboard ? 'Back to the chat' : 'Dashboard'}
      </button>
      <div class="tools">
        <button type="button" class="quiet icon-only" aria-label={`Theme: ${THEME_NAMES[theme.value]}; change`} title="Theme" onClick={nextTheme}>
          <Icon name={theme.value === 'dark' ? 'moon' : theme.value === 'light' ? 'sun' : 'monitor'} />
        </button>
        <button type="button" class="quiet icon-only" aria-label="Export all chats" title="Export all chats" disabled={chats.value.length === 0}
          onClick={() => saveFile('trivet-chats.json', 'application/json', exportText(chats.value))}><Icon name="download" /></button>
        <button type="button" class="quiet icon-only" aria-label="Import chats" title="Import chats" onClick={() => file.current?.click()}><Icon name="upload" /></button>
        <button type="button" class="quiet icon-only" aria-label="Keyboard shortcuts" title="Keyboard shortcuts" onClick={() => (helpOpen.value = true)}><Icon name="keyboard" /></button>
      </div>
      <input ref={file} type="file" accept="application/json,.json" hidden aria-label="File of chats" onChange={(e) => void load(e.currentTarget)} />
    </footer>
  );
}
