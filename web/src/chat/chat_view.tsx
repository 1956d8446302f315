import { addColumn, MAX_COLUMNS } from '../parts/actions';
import { Icon } from '../parts/icon';
import { NARROW, useMedia } from '../parts/media';
import { mobileSidebar, settingsColumn } from '../parts/open_panels';
import { current, put, rename } from '../store/chats';
import { settingsOpen, sidebarOpen } from '../store/preferences';
import { ColumnView } from './column_view';
import { Composer } from './composer';
import { stopColumn } from './generation';
import { SettingsPanel } from './settings_panel';

export function ChatView() {
  const chat = current.value;
  const several = chat.columns.length > 1;
  return (
    <div class="chat">
      <div class="chat-main">
        <TopBar />
        <div class={`columns ${several ? 'several' : ''}`}>
          {chat.columns.map((column, index) => (
            <ColumnView key={column.id} chatId={chat.id} column={column} index={index} several={several}
              onRemove={() => { stopColumn(column.id); put({ ...chat, columns: chat.columns.filter((c) => c.id !== column.id) }); }} />
          ))}
        </div>
        <Composer chat={chat} />
      </div>
      <SettingsPanel chat={chat} />
    </div>
  );
}

function TopBar() {
  const chat = current.value;
  const narrow = useMedia(NARROW);
  const sidebarShown = narrow ? mobileSidebar.value : sidebarOpen.value;
  const full = chat.columns.length >= MAX_COLUMNS;
  return (
    <header class="top-bar">
      <h1 class="off-screen">{chat.title}</h1>
      {!sidebarShown && (
        <button type="button" class="quiet icon-only" data-opens="sidebar" aria-label="Show the chat list" onClick={() => (narrow ? (mobileSidebar.value = true) : (sidebarOpen.value = true))}><Icon name="menu" /></button>
      )}
      <input
        class="chat-title" aria-label="Name of the chat" value={chat.title} maxLength={200} spellcheck={false}
        onKeyDown={(e) => { if (e.key === 'Enter') e.currentTarget.blur(); }}
        onChange={(e) => { if (e.currentTarget.value.trim()) rename(chat.id, e.currentTarget.value); else e.currentTarget.value = chat.title; }}
      />
      <button type="button" class="quiet" disabled={full} title="Compare side by side" aria-label="Add a column to compare" onClick={() => addColumn(chat)}>
        <Icon name="columns" /><span class="wide-only">Compare</span>
      </button>
      <button type="button" class="quiet" aria-label="Settings" aria-expanded={settingsOpen.value} aria-controls="settings" onClick={() => { settingsColumn.value = ''; settingsOpen.value = !settingsOpen.value; }}>
        <Icon name="settings" /><span class="wide-only">Settings</span>
      </button>
    </header>
  );
}
