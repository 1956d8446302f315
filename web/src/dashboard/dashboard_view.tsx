import 'uplot/dist/uPlot.min.css';
import '../styles/dashboard.css';
import { useState } from 'preact/hooks';
import { Icon } from '../parts/icon';
import { NARROW, useMedia } from '../parts/media';
import { mobileSidebar } from '../parts/open_panels';
import { current } from '../store/chats';
import { sidebarOpen } from '../store/preferences';
import { Chart } from './chart';
import { bytes, count, duration, milliseconds, percent } from './format';
import { useStats } from './poll';
import type { Percentiles, Sample, Stats } from './stats';

export function DashboardView() {
  const servers = [...new Set(['', ...current.value.columns.map((c) => c.settings.server)])];
  const [server, setServer] = useState(current.value.columns[0]?.settings.server ?? '');
  const [paused, setPaused] = useState(false);
  const { stats, error } = useStats(server, paused);
  const narrow = useMedia(NARROW);
  const sidebarShown = narrow ? mobileSidebar.value : sidebarOpen.value;
  return (
    <div class="dashboard" aria-busy={!stats}>
      <header class="top-bar">
        {!sidebarShown && <button type="button" class="quiet icon-only" data-opens="sidebar" aria-label="Show the chat list" onClick={() => (narrow ? (mobileSidebar.value = true) : (sidebarOpen.value = true))}><Icon name="menu" /></button>}
        <h1>Dashboard</h1>
        {stats && <span class={`state ${stats.state}`}>{stats.state}</span>}
        <span class="about">{stats && [stats.model, stats.version && `Trivet ${stats.version}`, stats.uptimeSeconds !== null && `up ${duration(stats.uptimeSeconds)}`].filter(Boolean).join(' · ')}</span>
        {servers.length > 1 && <select aria-label="Server" value={server} onChange={(e) => setServer(e.currentTarget.value)}>{servers.map((s) => <option key={s} value={s}>{s || 'This server'}</option>)}</select>}
        <button type="button" class="quiet" aria-pressed={paused} onClick={() => setPaused(!paused)}><Icon name={paused ? 'play' : 'pause'} />{paused ? 'Go on' : 'Pause'}</button>
      </header>
      <div class="dashboard-body" tabIndex={0} role="group" aria-label="Numbers of the server">
        {error && <p class="problem" role="alert">{error}</p>}
        {stats ? <Numbers stats={stats} /> : !error && <p class="loading">Asking the server…</p>}
      </div>
    </div>
  );
}

function Numbers({ stats }: { stats: Stats }) {
  return (
    <>
      <Tiles stats={stats} />
      <Charts history={stats.history} />
      <div class="cards">
        <LatencyTable stats={stats} />
        <Memory stats={stats} />
        <Totals stats={stats} />
        {stats.keys.length > 0 && <Keys stats={stats} />}
      </div>
    </>
  );
}

function Tiles({ stats }: { stats: Stats }) {
  const { now, latency } = stats;
  const tiles: [string, string, string][] = [
    ['Generating', `${count(now.generatedPerSecond)}`, 'tokens/s'],
    ['Reading prompts', `${count(now.promptPerSecond)}`, 'tokens/s'],
    ['Running', count(now.running), now.waiting ? `${count(now.waiting)} waiting` : 'none waiting'],
    ['First token, p50', milliseconds(latency.ttft.p50), `p99 ${milliseconds(latency.ttft.p99)}`],
    ['Per token, p50', milliseconds(latency.tpot.p50), `p99 ${milliseconds(latency.tpot.p99)}`],
    ['KV cache', percent(now.kvUsage), now.cacheHitRate === null ? 'in use' : `${percent(now.cacheHitRate)} prefix hits`],
  ];
  return (
    <dl class="tiles">
      {tiles.map(([name, value, detail]) => (
        <div key={name} class="tile"><dt>{name}</dt><dd><b data-tile={name}>{value}</b><span>{detail}</span></dd></div>
      ))}
    </dl>
  );
}

function Charts({ history }: { history: Sample[] }) {
  const times = history.map((s) => s.at);
  const of = (key: keyof Sample) => history.map((s) => s[key]);
  const hasSteps = history.some((s) => s.stepMs !== null); // /metrics has none
  return (
    <div class="charts">
      <Chart title="Throughput, tokens per second" times={times} format={count} lines={[
        { label: 'generated', color: 'chart-1', values: of('generated'), fill: true }, { label: 'prompt', color: 'chart-2', values: of('prompt') }]} />
      <Chart title="Requests" times={times} format={count} lines={[
        { label: 'running', color: 'chart-1', values: of('running'), fill: true }, { label: 'waiting', color: 'chart-3', values: of('waiting') }]} />
      <Chart title="Time to first token" times={times} format={milliseconds} lines={[{ label: 'median of the second', color: 'chart-2', values: held(of('ttftMs')), fill: true }]} />
      <Chart title="Time per token" times={times} format={milliseconds} lines={[
        { label: 'median of the second', color: 'chart-4', values: held(of('tpotMs')), fill: true },
        ...(hasSteps ? [{ label: 'step', color: 'chart-3', values: of('stepMs').map((v) => v || null), dash: true }] : [])]} />
      <Chart title="KV cache in use" times={times} format={percent} max={1} lines={[{ label: 'used', color: 'chart-3', values: of('kvUsage'), fill: true }]} />
      {hasSteps && <Chart title="Tokens per step" times={times} format={count} lines={[{ label: 'mean', color: 'chart-4', values: of('batchTokens'), fill: true }]} />}
    </div>
  );
}

// Seconds in which no request ended keep the last value for a while, so that the line can be seen.
function held(values: (number | null)[]): (number | null)[] {
  const HOLD = 10;
  let last: number | null = null, age = 0;
  return values.map((v) => {
    if (v !== null) {
      last = v;
      age = 0;
      return v;
    }
    return ++age > HOLD ? null : last;
  });
}

function LatencyTable({ stats }: { stats: Stats }) {
  const rows: [string, Percentiles][] = [
    ['First token', stats.latency.ttft], ['Per token', stats.latency.tpot], ['Between tokens', stats.latency.itl], ['In the queue', stats.latency.queue],
    ['Whole request', stats.latency.e2e],
  ];
  return (
    <section class="card" aria-label="Latency">
      <h2>Latency, last {duration(stats.windowSeconds)}</h2>
      <div class="table" tabIndex={0} role="group" aria-label="Latency table">
      <table>
        <thead><tr><th scope="col">what</th>{['mean', 'p50', 'p90', 'p99', 'count'].map((h) => <th key={h} scope="col" class="right">{h}</th>)}</tr></thead>
        <tbody>
          {rows.map(([name, p]) => (
            <tr key={name}><th scope="row">{name}</th>{[p.mean, p.p50, p.p90, p.p99].map((v, i) => <td key={i} class="right">{milliseconds(v)}</td>)}<td class="right">{count(p.count)}</td></tr>
          ))}
        </tbody>
      </table>
      </div>
      {stats.slo.ttftMs !== null && <p class="hint">Target: first token within {milliseconds(stats.slo.ttftMs)}, {milliseconds(stats.slo.tpotMs)} per token. In time: <b>{percent(stats.slo.goodput)}</b>. Failed: <b>{percent(stats.slo.failureRate)}</b>.</p>}
    </section>
  );
}

function Memory({ stats }: { stats: Stats }) {
  const { budgetBytes, residentBytes, items } = stats.memory;
  const whole = budgetBytes ?? Math.max(residentBytes ?? 0, items.reduce((sum, i) => sum + i.bytes, 0));
  return (
    <section class="card" aria-label="Memory">
      <h2>Memory</h2>
      <p class="memory-line"><b>{bytes(residentBytes)}</b> resident{budgetBytes !== null && <> of <b>{bytes(budgetBytes)}</b></>}</p>
      {whole > 0 && <progress max={whole} value={residentBytes ?? 0} aria-label="Resident memory" />}
      <ul class="purposes">
        {items.map((item, index) => (
          <li key={item.name}><i class={`swatch chart-${(index % 4) + 1}`} /><span>{item.name}</span><meter min={0} max={whole || 1} value={item.bytes} aria-label={`Planned for ${item.name}`} /><b>{bytes(item.bytes)}</b></li>
        ))}
      </ul>
    </section>
  );
}

function Totals({ stats }: { stats: Stats }) {
  const t = stats.totals;
  const rows: [string, number | null][] = [
    ['Requests', t.requests], ['Errors', t.errors], ['Refused', t.rejected], ['Prompt tokens', t.promptTokens], ['Generated tokens', t.generatedTokens], ['Preemptions', t.preemptions],
  ];
  return (
    <section class="card" aria-label="Since the start">
      <h2>Since the start</h2>
      <dl class="totals">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value === null ? '–' : value.toLocaleString()}</dd></div>)}</dl>
    </section>
  );
}

function Keys({ stats }: { stats: Stats }) {
  return (
    <section class="card wide-card" aria-label="By API key">
      <h2>By API key</h2>
      <div class="table" tabIndex={0} role="group" aria-label="Table of keys">
      <table>
        <thead><tr><th scope="col">key</th>{['running', 'requests', 'refused', 'prompt tokens', 'generated tokens'].map((h) => <th key={h} scope="col" class="right">{h}</th>)}</tr></thead>
        <tbody>{stats.keys.map((k) => <tr key={k.name}><th scope="row">{k.name || 'no key'}</th>{[k.running, k.requests, k.rejected, k.promptTokens, k.generatedTokens].map((v, i) => <td key={i} class="right">{count(v)}</td>)}</tr>)}</tbody>
      </table>
      </div>
    </section>
  );
}
