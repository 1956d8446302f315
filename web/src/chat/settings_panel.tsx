import { useEffect, useState } from 'preact/hooks';
import { focusSoon } from '../parts/actions';
import { Drawer } from '../parts/drawer';
import { Icon } from '../parts/icon';
import { NO_ROOM_FOR_SETTINGS } from '../parts/media';
import { tell } from '../parts/notice';
import { settingsColumn, settingsSection } from '../parts/open_panels';
import { changeColumn, put } from '../store/chats';
import { defaults, keyOf, remembersKeys, setKey, settingsOpen } from '../store/preferences';
import type { Conversation } from './conversation';
import { JsonEditor } from './json_editor';
import { refreshModels, useModels } from './models';
import { EXAMPLE_SCHEMA, EXAMPLE_TOOLS, PARAMS, jsonProblem, toolsProblem, type ColumnSettings, type ParamInfo } from './settings';

export function SettingsPanel({ chat }: { chat: Conversation }) {
  const column = chat.columns.find((c) => c.id === settingsColumn.value) ?? chat.columns[0]!;
  const index = chat.columns.indexOf(column);
  const several = chat.columns.length > 1;
  const settings = column.settings;
  const change = (part: Partial<ColumnSettings>) => changeColumn(chat.id, column.id, (c) => ({ ...c, settings: { ...c.settings, ...part } }));
  const close = () => {
    settingsOpen.value = false;
    focusSoon('.top-bar [aria-controls="settings"]');
  };
  return (
    <Drawer name="settings" label="Settings" open={settingsOpen.value} modalWhen={NO_ROOM_FOR_SETTINGS} onClose={close}>
      <header class="modal-head">
        <h2>{several ? `Column ${index + 1}` : 'Settings'}</h2>
        <button type="button" class="quiet icon-only" aria-label="Close the settings" onClick={close}><Icon name="close" /></button>
      </header>
      {several && (
        <div class="tabs" role="group" aria-label="Column">
          {chat.columns.map((c, i) => <button key={c.id} type="button" aria-pressed={c.id === column.id} onClick={() => (settingsColumn.value = c.id)}>{i + 1}</button>)}
        </div>
      )}
      <div class="sections">
        <SystemSection settings={settings} change={change} />
        <SamplingSection settings={settings} change={change} />
        <FormatSection settings={settings} change={change} />
        <ToolsSection settings={settings} change={change} />
        <ProbabilitySection settings={settings} change={change} />
        <ServerSection settings={settings} change={change} />
        <MoreSection settings={settings} change={change} />
      </div>
      <footer class="panel-foot">
        {several && <button type="button" onClick={() => { put({ ...chat, columns: chat.columns.map((c) => ({ ...c, settings: { ...settings, server: c.settings.server, model: c.settings.model } })) }); tell('All columns have these settings now.'); }}>Use in all columns</button>}
        <button type="button" onClick={() => { defaults.value = { ...settings }; tell('New chats start with these settings.'); }}>Use for new chats</button>
      </footer>
    </Drawer>
  );
}

interface SectionProps {
  settings: ColumnSettings;
  change: (part: Partial<ColumnSettings>) => void;
}

function Section({ id, title, mark, open: opens = false, children }: { id: string; title: string; mark?: string; open?: boolean; children: preact.ComponentChildren }) {
  const [open, setOpen] = useState(opens || settingsSection.value === id);
  const wanted = settingsSection.value;
  useEffect(() => {
    if (wanted !== id) return;
    setOpen(true);
    requestAnimationFrame(() => {
      const section = document.getElementById(`section-${id}`);
      section?.scrollIntoView({ block: 'nearest' });
      section?.querySelector<HTMLElement>('textarea, select, input, button')?.focus();
      settingsSection.value = '';
    });
  }, [wanted]);
  return (
    <details id={`section-${id}`} class="section" open={open} onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>{title}{mark && <span class="mark">{mark}</span>}</summary>
      {open && <div class="section-body">{children}</div>}
    </details>
  );
}

function SystemSection({ settings, change }: SectionProps) {
  return (
    <Section id="system" title="System prompt" mark={settings.system.trim() ? 'set' : ''} open>
      <textarea aria-label="System prompt" rows={4} placeholder="How the model should behave: its role, tone, rules…" value={settings.system} onInput={(e) => change({ system: e.currentTarget.value })} />
    </Section>
  );
}

function SamplingSection({ settings, change }: SectionProps) {
  const set = Object.values(settings.params).filter((v) => v !== undefined).length;
  return (
    <Section id="sampling" title="Sampling" mark={set > 0 ? `${set} set` : ''} open>
      {PARAMS.slice(0, 6).map((info) => <ParamField key={info.key} info={info} settings={settings} change={change} />)}
      <details class="more"><summary>Penalties and stops</summary>
        {PARAMS.slice(6).map((info) => <ParamField key={info.key} info={info} settings={settings} change={change} />)}
        <label class="field"><span>Stop at</span>
          <textarea rows={2} placeholder="One text per line" value={settings.stop} onInput={(e) => change({ stop: e.currentTarget.value })} />
        </label>
      </details>
      <label class="field inline"><span>Thinking</span>
        <select value={settings.thinking} onChange={(e) => change({ thinking: e.currentTarget.value as ColumnSettings['thinking'] })}>
          <option value="default">As the model does</option><option value="on">On</option><option value="off">Off</option>
        </select>
      </label>
    </Section>
  );
}

function ParamField({ info, settings, change }: SectionProps & { info: ParamInfo }) {
  const value = settings.params[info.key];
  const set = (text: string) => {
    const number = info.integer ? parseInt(text, 10) : parseFloat(text);
    const params = { ...settings.params };
    if (Number.isFinite(number)) params[info.key] = Math.min(info.max, Math.max(info.min, number));
    else delete params[info.key];
    change({ params });
  };
  const slides = !info.integer;
  return (
    <div class="field param" title={info.hint}>
      <label for={`param-${info.key}`}>{info.label}</label>
      {slides && <input type="range" class={value === undefined ? 'unset' : ''} aria-label={`${info.label}, slider`} min={info.min} max={info.max} step={info.step} value={value ?? (info.max < 2 && info.key !== 'min_p' ? 1 : info.min < 0 ? 0 : info.key === 'min_p' ? 0 : 1)} onInput={(e) => set(e.currentTarget.value)} />}
      <input id={`param-${info.key}`} type="number" inputMode={info.integer ? 'numeric' : 'decimal'} min={info.min} max={info.max} step={info.step} placeholder="auto" value={value ?? ''} onChange={(e) => set(e.currentTarget.value)} aria-describedby={`hint-${info.key}`} />
      <span id={`hint-${info.key}`} class="off-screen">{info.hint}</span>
    </div>
  );
}

function FormatSection({ settings, change }: SectionProps) {
  return (
    <Section id="format" title="Answer format" mark={settings.format === 'text' ? '' : settings.format === 'json_object' ? 'JSON' : 'JSON schema'}>
      <label class="field inline"><span>Format</span>
        <select value={settings.format} onChange={(e) => change({ format: e.currentTarget.value as ColumnSettings['format'] })}>
          <option value="text">Free text</option><option value="json_object">Any JSON object</option><option value="json_schema">JSON by a schema</option>
        </select>
      </label>
      {settings.format === 'json_schema' && <JsonEditor label="JSON schema" text={settings.schema} example={EXAMPLE_SCHEMA} problem={(t) => jsonProblem(t, 'object')} onChange={(schema) => change({ schema })} />}
    </Section>
  );
}

function ToolsSection({ settings, change }: SectionProps) {
  return (
    <Section id="tools" title="Tools" mark={settings.usesTools ? 'on' : ''}>
      <label class="check"><input type="checkbox" checked={settings.usesTools} onChange={(e) => change({ usesTools: e.currentTarget.checked })} />The model may call these tools; you type their results</label>
      <JsonEditor label="Tools" text={settings.tools} example={EXAMPLE_TOOLS} problem={settings.usesTools ? toolsProblem : () => null} onChange={(tools) => change({ tools })} />
      <label class="field inline"><span>Use</span>
        <select value={settings.toolChoice} onChange={(e) => change({ toolChoice: e.currentTarget.value as ColumnSettings['toolChoice'] })}>
          <option value="auto">When it helps</option><option value="required">Always</option><option value="none">Never</option>
        </select>
      </label>
      <label class="check"><input type="checkbox" checked={settings.parallelTools} onChange={(e) => change({ parallelTools: e.currentTarget.checked })} />Several calls at once</label>
    </Section>
  );
}

function ProbabilitySection({ settings, change }: SectionProps) {
  return (
    <Section id="probabilities" title="Token probabilities" mark={settings.logprobs ? 'on' : ''}>
      <label class="check"><input type="checkbox" checked={settings.logprobs} onChange={(e) => change({ logprobs: e.currentTarget.checked })} />Ask for the probability of each token</label>
      <label class="field inline"><span>Alternatives</span>
        <input type="number" min={0} max={20} value={settings.topLogprobs} onChange={(e) => change({ topLogprobs: Math.min(20, Math.max(0, Math.round(Number(e.currentTarget.value) || 0))) })} />
      </label>
    </Section>
  );
}

function ServerSection({ settings, change }: SectionProps) {
  const models = useModels(settings.server);
  const [shown, setShown] = useState(false);
  return (
    <Section id="server" title="Server and key" mark={settings.server ? 'other' : models?.needsKey ? 'needs a key' : ''} open={models?.needsKey}>
      <label class="field"><span>Server</span>
        <input type="url" placeholder="This server" spellcheck={false} autocomplete="off" value={settings.server} onChange={(e) => change({ server: e.currentTarget.value.trim(), model: '' })} />
      </label>
      <label class="field"><span>API key</span>
        <input type={shown ? 'text' : 'password'} autocomplete="off" spellcheck={false} placeholder="None" value={keyOf(settings.server)} onInput={(e) => setKey(settings.server, e.currentTarget.value.trim())} />
      </label>
      <label class="check"><input type="checkbox" checked={shown} onChange={(e) => setShown(e.currentTarget.checked)} />Show the key</label>
      <label class="check"><input type="checkbox" checked={remembersKeys.value} onChange={(e) => (remembersKeys.value = e.currentTarget.checked)} />Remember keys in this browser</label>
      <p class={models?.error ? 'problem' : 'hint'}>{models === null ? 'Asking…' : models.error || `${models.names.length} ${models.names.length === 1 ? 'model' : 'models'}: ${models.names.slice(0, 4).join(', ')}`}</p>
      <button type="button" class="small" onClick={() => void refreshModels(settings.server)}>Ask again</button>
    </Section>
  );
}

function MoreSection({ settings, change }: SectionProps) {
  return (
    <Section id="more" title="More fields" mark={settings.extra.trim() ? 'set' : ''}>
      <JsonEditor label="More fields of the request" text={settings.extra} example={'{\n  "logit_bias": {},\n  "n": 1\n}'} problem={(t) => (t.trim() ? jsonProblem(t, 'object') : null)} onChange={(extra) => change({ extra })} />
    </Section>
  );
}
