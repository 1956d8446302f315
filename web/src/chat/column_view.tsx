import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../parts/icon';
import { settingsColumn } from '../parts/open_panels';
import { keyOf, settingsOpen } from '../store/preferences';
import { changeColumn } from '../store/chats';
import { openToolCalls, pathOf, type Column } from './conversation';
import { isBusy, live, send } from './generation';
import { MessageView } from './message_view';
import { useModels } from './models';
import { ToolResults } from './tool_results';

interface ColumnProps {
  chatId: string;
  column: Column;
  index: number;
  several: boolean;
  onRemove: () => void;
}

export function ColumnView({ chatId, column, index, several, onRemove }: ColumnProps) {
  const path = pathOf(column);
  const busy = isBusy(column.id);
  const scroll = useStickToEnd(column.id, path.length);
  const calls = busy ? [] : openToolCalls(column, path);
  return (
    <section class="column" aria-label={several ? `Column ${index + 1}` : 'Conversation'}>
      <ColumnHead column={column} chatId={chatId} index={index} several={several} onRemove={onRemove} />
      <div class="thread" ref={scroll.box} onScroll={scroll.onScroll} tabIndex={0} role="log" aria-live="off" aria-label={several ? `Messages of column ${index + 1}` : 'Messages'}>
        {path.length === 0
          ? <Welcome chatId={chatId} column={column} several={several} />
          : <div class="messages">
              {path.map((message) => <MessageView key={message.id} chatId={chatId} column={column} message={message} isLast={message === path[path.length - 1]} />)}
              {calls.length > 0 && <ToolResults key={calls.map((c) => c.id).join()} chatId={chatId} column={column} calls={calls} />}
            </div>}
      </div>
      {!scroll.atEnd && <button type="button" class="to-end" onClick={scroll.toEnd} aria-label="To the end"><Icon name="down" /></button>}
    </section>
  );
}

function ColumnHead({ chatId, column, index, several, onRemove }: ColumnProps) {
  const { server, model } = column.settings;
  const models = useModels(server);
  const shown = model || models?.names[0] || '';
  const names = shown && models && !models.names.includes(shown) ? [shown, ...models.names] : (models?.names ?? []);
  return (
    <header class="column-head">
      <label class="model-pick">
        <span class="off-screen">{several ? `Model of column ${index + 1}` : 'Model'}</span>
        <select value={shown} disabled={names.length === 0} onChange={(e) => changeColumn(chatId, column.id, (c) => ({ ...c, settings: { ...c.settings, model: e.currentTarget.value } }))}>
          {names.length === 0 && <option value="">{models?.error ? 'No model' : 'Looking for models…'}</option>}
          {names.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
      </label>
      {server && <span class="where" title={server}>{server.replace(/^https?:\/\//, '')}</span>}
      {models?.error && <span class="problem-mark" role="alert">{models.needsKey && !keyOf(server) ? 'needs an API key' : models.error}</span>}
      {several && (
        <span class="column-tools">
          <button type="button" class="quiet icon-only small" aria-label={`Settings of column ${index + 1}`} onClick={() => { settingsColumn.value = column.id; settingsOpen.value = true; }}><Icon name="settings" /></button>
          <button type="button" class="quiet icon-only small" aria-label={`Remove column ${index + 1}`} onClick={onRemove}><Icon name="close" /></button>
        </span>
      )}
    </header>
  );
}

const STARTERS: [string, string][] = [
  ['Explain something', 'Explain how a hash table works, with a small example in Python.'],
  ['Write', 'Write a short, friendly note that invites the team to lunch on Friday.'],
  ['Compare', 'Compare TCP and UDP in a table: ordering, reliability, speed, typical use.'],
  ['Brainstorm', 'Give me ten names for a small bakery that bakes at night.'],
];

function Welcome({ chatId, column, several }: { chatId: string; column: Column; several: boolean }) {
  const models = useModels(column.settings.server);
  const name = column.settings.model || models?.names[0];
  if (several) return <p class="welcome small-welcome">{name ?? ''}</p>;
  return (
    <div class="welcome">
      <img src="/ui/icon.svg" alt="" width="56" height="56" />
      <h2>What would you like to know?</h2>
      <p>{models?.error ? models.error : name ? <>You are talking to <strong>{name}</strong>{column.settings.server ? ` at ${column.settings.server}` : ''}. Chats are kept in this browser only.</> : ' '}</p>
      <ul class="starters">
        {STARTERS.map(([title, text]) => (
          <li key={title}><button type="button" onClick={() => send(chatId, text)}><strong>{title}</strong><span>{text}</span></button></li>
        ))}
      </ul>
    </div>
  );
}

const NEAR_END_PX = 60;

// Follows the text while the reader is at its end.
function useStickToEnd(columnId: string, length: number) {
  const box = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const [atEnd, setAtEnd] = useState(true);
  const toEnd = () => {
    const element = box.current;
    if (!element) return;
    element.scrollTop = element.scrollHeight;
    sticks.current = true;
    setAtEnd(true);
  };
  const onScroll = () => {
    const element = box.current!;
    const near = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
    sticks.current = near;
    setAtEnd(near);
  };
  useLayoutEffect(toEnd, [columnId, length]);
  const running = live.value.get(columnId)?.message;
  useLayoutEffect(() => {
    if (sticks.current) toEnd(); // an answer that ends gets its tools below
  }, [running]);
  useEffect(() => running?.subscribe(() => requestAnimationFrame(() => {
    const element = box.current;
    if (element && sticks.current) element.scrollTop = element.scrollHeight;
  })), [running]);
  return { box, atEnd, toEnd, onScroll };
}
