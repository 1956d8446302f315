import { useEffect, useRef, useState } from 'preact/hooks';
import { fitHeight } from '../parts/fit_height';
import { Icon, type IconName } from '../parts/icon';
import { tell } from '../parts/notice';
import { settingsColumn, settingsSection } from '../parts/open_panels';
import { put } from '../store/chats';
import { settingsOpen } from '../store/preferences';
import type { Conversation } from './conversation';
import { isBusy, send, stopAll } from './generation';
import { settingsProblem, type ColumnSettings } from './settings';

const MAX_FILE_BYTES = 512 << 10;

const drafts = new Map<string, string>(); // what was typed, by chat

export function Composer({ chat }: { chat: Conversation }) {
  const [text, setText] = useState(drafts.get(chat.id) ?? '');
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const busy = chat.columns.some((c) => isBusy(c.id));
  const problem = chat.columns.map((c) => settingsProblem(c.settings)).find((p) => p !== null) ?? null;
  const change = (value: string) => {
    drafts.set(chat.id, value);
    setText(value);
  };
  useEffect(() => change(drafts.get(chat.id) ?? ''), [chat.id]);
  useEffect(() => fitHeight(area.current!), [text, chat.id]);
  const submit = () => {
    if (busy || !text.trim() || problem) return;
    change('');
    send(chat.id, text.trim());
  };
  const attach = async (files: FileList | null | undefined) => {
    let added = '';
    for (const file of files ?? []) added += await asMessage(file);
    if (added) change(text + (text ? '\n\n' : '') + added);
    area.current?.focus();
  };
  return (
    <form class="composer" aria-label="Message" onSubmit={(e) => { e.preventDefault(); submit(); }}
      onDragOver={(e) => e.preventDefault()} onDrop={(e) => { e.preventDefault(); void attach(e.dataTransfer?.files); }}>
      <div class="composer-box">
        <textarea
          ref={area} id="composer-text" rows={1} aria-label="Message" placeholder="Ask anything…" value={text} autofocus enterkeyhint="send"
          onInput={(e) => change(e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) { e.preventDefault(); submit(); }
          }}
        />
        <div class="composer-tools">
          <button type="button" class="quiet icon-only" aria-label="Attach a text file" title="Attach a text file" onClick={() => picker.current?.click()}><Icon name="paperclip" /></button>
          <Chips chat={chat} />
          {busy
            ? <button type="button" class="primary round" aria-label="Stop" title="Stop (Esc)" onClick={() => stopAll(chat.columns)}><Icon name="stop" /></button>
            : <button type="submit" class="primary round" aria-label="Send" title="Send (Enter)" disabled={!text.trim() || problem !== null}><Icon name="send" /></button>}
        </div>
      </div>
      <input ref={picker} type="file" multiple hidden aria-label="Text files" onChange={(e) => { void attach(e.currentTarget.files); e.currentTarget.value = ''; }} />
      {problem && <p class="problem" role="alert">{problem}</p>}
    </form>
  );
}

async function asMessage(file: File): Promise<string> {
  if (file.size > MAX_FILE_BYTES) {
    tell(`${file.name} is too large: at most 512 KiB of text.`);
    return '';
  }
  const text = await file.text();
  if (text.includes('\0')) {
    tell(`${file.name} is not a text file.`);
    return '';
  }
  const fence = '`'.repeat(Math.max(3, ...Array.from(text.matchAll(/`+/g), (m) => m[0].length + 1)));
  const extension = /\.(\w{1,10})$/.exec(file.name)?.[1] ?? '';
  return `${file.name}:\n${fence}${extension}\n${text.trimEnd()}\n${fence}\n`;
}

interface Chip {
  label: string;
  section: string;
  icon: IconName;
  on: (s: ColumnSettings) => boolean;
  toggle?: (s: ColumnSettings) => ColumnSettings; // none: only opens the section
}

const CHIPS: Chip[] = [
  { label: 'System', section: 'system', icon: 'edit', on: (s) => s.system.trim() !== '' },
  { label: 'JSON', section: 'format', icon: 'check', on: (s) => s.format !== 'text' },
  { label: 'Tools', section: 'tools', icon: 'tool', on: (s) => s.usesTools },
  { label: 'Probabilities', section: 'probabilities', icon: 'eye', on: (s) => s.logprobs, toggle: (s) => ({ ...s, logprobs: !s.logprobs }) },
];

function Chips({ chat }: { chat: Conversation }) {
  const run = (chip: Chip, on: boolean) => {
    if (chip.toggle) {
      const toggle = chip.toggle;
      put({ ...chat, columns: chat.columns.map((c) => (chip.on(c.settings) === on ? { ...c, settings: toggle(c.settings) } : c)) });
      return;
    }
    settingsColumn.value = '';
    settingsSection.value = '';
    settingsSection.value = chip.section;
    settingsOpen.value = true;
  };
  return (
    <span class="chips" role="group" aria-label="What the answer may use">
      {CHIPS.map((chip) => {
        const on = chat.columns.some((c) => chip.on(c.settings));
        return (
          <button key={chip.label} type="button" class={`chip ${on ? 'on' : ''}`} aria-pressed={chip.toggle ? on : undefined}
            aria-label={chip.toggle ? chip.label : `${chip.label} settings${on ? ' (in use)' : ''}`} onClick={() => run(chip, on)}>
            <Icon name={chip.icon} /><span>{chip.label}</span>
          </button>
        );
      })}
    </span>
  );
}
