import { useState } from 'preact/hooks';
import { copyText } from '../parts/clipboard';
import { focusComposer } from '../parts/actions';
import { Icon, type IconName } from '../parts/icon';
import { tell } from '../parts/notice';
import { Markdown } from '../markdown/markdown';
import { highlight } from '../markdown/highlight';
import { changeColumn } from '../store/chats';
import { siblingsOf, withChosen, withMessage, withoutMessage, type Column, type Message } from './conversation';
import { continueFrom, editAssistant, editUser, isBusy, live, regenerate } from './generation';
import { MessageEditor } from './message_editor';
import { TokenView } from './token_view';

interface MessageProps {
  chatId: string;
  column: Column;
  message: Message;
  isLast: boolean;
}

export function MessageView(props: MessageProps) {
  const running = live.value.get(props.column.id);
  const growing = running?.id === props.message.id;
  const message = growing ? running.message.value : props.message;
  switch (message.role) {
    case 'user':
      return <UserMessage {...props} />;
    case 'tool':
      return <ToolMessage {...props} />;
    case 'assistant':
      return <AssistantMessage {...props} message={message} growing={growing} />;
  }
}

function UserMessage({ chatId, column, message }: MessageProps) {
  const [editing, setEditing] = useState(false);
  const busy = isBusy(column.id);
  return (
    <article class="message user" aria-label="You">
      <h2 class="off-screen">You</h2>
      {editing
        ? <MessageEditor text={message.content} save="Send" onCancel={() => setEditing(false)}
            onSave={(text) => { setEditing(false); editUser(chatId, column, message, text); focusComposer(); }} />
        : <div class="bubble">{message.content}</div>}
      {!editing && (
        <div class="message-tools">
          <Branches chatId={chatId} column={column} message={message} />
          <Tool icon="copy" label="Copy" run={() => void copyWithNotice(message.content)} />
          <Tool icon="edit" label="Edit" action="edit" disabled={busy} run={() => setEditing(true)} />
          <Remove chatId={chatId} column={column} message={message} busy={busy} />
        </div>
      )}
    </article>
  );
}

function AssistantMessage({ chatId, column, message, growing }: MessageProps & { growing: boolean }) {
  const [editing, setEditing] = useState(false);
  const [showsTokens, setShowsTokens] = useState(false);
  const busy = isBusy(column.id);
  const empty = !message.content && !message.reasoning && !message.toolCalls?.length;
  return (
    <article class="message assistant" aria-label={message.model || 'Answer'} aria-busy={growing}>
      <h2 class="off-screen">Answer</h2>
      {message.reasoning && <Reasoning text={message.reasoning} open={growing && !message.content} />}
      {growing && empty && <p class="waiting" aria-hidden="true"><span /><span /><span /></p>}
      {editing
        ? <MessageEditor text={message.content} save="Keep" onCancel={() => setEditing(false)} onSave={(text) => { setEditing(false); editAssistant(chatId, column, message, text); }} />
        : showsTokens && message.tokens
          ? <TokenView message={message} onChoose={busy ? null : (prefix) => { setShowsTokens(false); continueFrom(chatId, column, message, prefix); }} />
          : <Content message={message} growing={growing} />}
      {message.toolCalls?.map((call, index) => <CallView key={index} name={call.name} args={call.arguments} />)}
      {message.error && <p class="problem" role="alert">{message.error}</p>}
      {!growing && !editing && (
        <div class="message-tools">
          <Branches chatId={chatId} column={column} message={message} />
          <Tool icon="copy" label="Copy" run={() => void copyWithNotice(message.content)} />
          <Tool icon="retry" label="Regenerate" disabled={busy} run={() => regenerate(chatId, column, message)} />
          <Tool icon="edit" label="Edit" disabled={busy} run={() => setEditing(true)} />
          {message.tokens && <Tool icon="eye" label="Token probabilities" pressed={showsTokens} run={() => setShowsTokens(!showsTokens)} />}
          {canContinue(message) && <Tool icon="play" label="Continue" disabled={busy} run={() => continueFrom(chatId, column, message, message.content)} />}
          <Remove chatId={chatId} column={column} message={message} busy={busy} />
          <Facts message={message} />
        </div>
      )}
    </article>
  );
}

// What the model did not end itself.
function canContinue(message: Message): boolean {
  return message.content !== '' && message.finish !== 'stop' && message.finish !== 'tool_calls';
}

// A whole JSON text is shown as such.
function Content({ message, growing }: { message: Message; growing: boolean }) {
  const text = message.content;
  const trimmed = text.trim();
  if (/^[{[]/.test(trimmed) && isJsonSoFar(trimmed)) {
    let shown = trimmed;
    try {
      shown = JSON.stringify(JSON.parse(trimmed), null, 2);
    } catch {
      // still growing
    }
    return <pre class="json-answer" tabIndex={0}><code>{highlight(shown, 'json').map(([shade, part], i) => (shade ? <span key={i} class={`hl-${shade}`}>{part}</span> : part))}</code></pre>;
  }
  return <div class={growing && text ? 'growing' : ''}><Markdown text={text} growing={growing} /></div>;
}

function isJsonSoFar(text: string): boolean {
  return text[0] === '{' ? /^\{\s*("|\}|$)/.test(text) : /^\[\s*([{["\d\]-]|true|false|null|$)/.test(text) && !/^\[[^\]]{1,80}\]\(/.test(text);
}

function Reasoning({ text, open }: { text: string; open: boolean }) {
  return (
    <details class="reasoning" open={open}>
      <summary>{open ? 'Thinking…' : 'Thoughts'}</summary>
      <Markdown text={text} />
    </details>
  );
}

function CallView({ name, args }: { name: string; args: string }) {
  let shown = args;
  try {
    shown = JSON.stringify(JSON.parse(args), null, 2);
  } catch {
    // still growing, or not JSON: as it is
  }
  return (
    <details class="tool-call" open>
      <summary><Icon name="tool" />Calls <code>{name || '…'}</code></summary>
      <pre tabIndex={0}><code>{highlight(shown, 'json').map(([shade, part], i) => (shade ? <span key={i} class={`hl-${shade}`}>{part}</span> : part))}</code></pre>
    </details>
  );
}

function ToolMessage({ chatId, column, message }: MessageProps) {
  return (
    <article class="message tool" aria-label="Result of a tool">
      <details class="tool-call" open>
        <summary><Icon name="tool" />Result</summary>
        <pre tabIndex={0}>{message.content}</pre>
      </details>
      <div class="message-tools"><Branches chatId={chatId} column={column} message={message} /></div>
    </article>
  );
}

function Branches({ chatId, column, message }: { chatId: string; column: Column; message: Message }) {
  const siblings = siblingsOf(column, message);
  if (siblings.length < 2) return null;
  const at = siblings.findIndex((m) => m.id === message.id);
  const busy = isBusy(column.id);
  const show = (step: number) => {
    const other = siblings[at + step];
    if (other) changeColumn(chatId, column.id, (c) => withChosen(c, other));
  };
  return (
    <span class="branches" role="group" aria-label="Versions">
      <button type="button" class="quiet icon-only small" aria-label="Previous version" disabled={at === 0 || busy} onClick={() => show(-1)}><Icon name="left" /></button>
      <span aria-label={`Version ${at + 1} of ${siblings.length}`} role="img">{at + 1}/{siblings.length}</span>
      <button type="button" class="quiet icon-only small" aria-label="Next version" disabled={at === siblings.length - 1 || busy} onClick={() => show(1)}><Icon name="right" /></button>
    </span>
  );
}

function Remove({ chatId, column, message, busy }: { chatId: string; column: Column; message: Message; busy: boolean }) {
  const run = () => {
    const before = column;
    changeColumn(chatId, column.id, (c) => withoutMessage(c, message.id));
    tell('The message and what followed was deleted.', { label: 'Undo', run: () => changeColumn(chatId, column.id, () => withMessage(before, message)) });
  };
  return <Tool icon="trash" label="Delete" disabled={busy} run={run} />;
}

function Tool({ icon, label, run, disabled, pressed, action }: { icon: IconName; label: string; run: () => void; disabled?: boolean; pressed?: boolean; action?: string }) {
  return (
    <button type="button" class="quiet icon-only small" aria-label={label} title={label} disabled={disabled} aria-pressed={pressed} data-action={action} onClick={run}><Icon name={icon} /></button>
  );
}

const FINISHES: Record<string, string> = { length: 'cut at max tokens', tool_calls: 'calls a tool', content_filter: 'filtered', edited: 'edited by you' };

function Facts({ message }: { message: Message }) {
  const facts: string[] = [];
  const { completionTokens: tokens, totalMs, firstMs } = message;
  if (tokens) facts.push(`${tokens} tokens`);
  if (tokens && tokens > 1 && totalMs && firstMs && totalMs > firstMs) facts.push(`${(((tokens - 1) * 1000) / (totalMs - firstMs)).toFixed(1)} tokens/s`);
  if (firstMs) facts.push(`first after ${firstMs < 1000 ? `${Math.round(firstMs)} ms` : `${(firstMs / 1000).toFixed(1)} s`}`);
  if (message.stopped || (!message.finish && !message.error)) facts.push('stopped'); // also by closing the page
  const finish = FINISHES[message.finish ?? ''];
  if (finish) facts.push(finish);
  const detail = message.promptTokens ? `Prompt: ${message.promptTokens} tokens${message.cachedTokens ? `, ${message.cachedTokens} from the cache` : ''}` : undefined;
  return <span class="facts" title={detail}>{facts.join(' · ')}</span>;
}

async function copyWithNotice(text: string): Promise<void> {
  tell((await copyText(text)) ? 'Copied.' : 'This browser does not let the page copy.');
}
