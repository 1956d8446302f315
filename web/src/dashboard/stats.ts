// What the dashboard shows, from /v1/trivet/stats, or from /metrics of servers that have only that.

export interface Percentiles {
  count: number;
  mean: number | null;
  p50: number | null;
  p90: number | null;
  p99: number | null;
}

// One second. Missing values are null.
export interface Sample {
  at: number; // Unix seconds of the server
  generated: number | null;
  prompt: number | null;
  running: number | null;
  waiting: number | null;
  kvUsage: number | null;
  batchTokens: number | null;
  stepMs: number | null;
  ttftMs: number | null;
  tpotMs: number | null;
  residentBytes: number | null;
}

export interface Stats {
  source: 'stats' | 'metrics';
  version: string;
  model: string;
  state: string;
  uptimeSeconds: number | null;
  now: {
    running: number | null;
    waiting: number | null;
    streams: number | null;
    generatedPerSecond: number | null;
    promptPerSecond: number | null;
    requestsPerSecond: number | null;
    batchTokens: number | null;
    stepMs: number | null;
    kvUsage: number | null;
    cacheHitRate: number | null;
  };
  windowSeconds: number;
  latency: Record<'ttft' | 'tpot' | 'itl' | 'queue' | 'e2e', Percentiles>;
  slo: { ttftMs: number | null; tpotMs: number | null; goodput: number | null; failureRate: number | null };
  totals: Record<'requests' | 'errors' | 'rejected' | 'promptTokens' | 'generatedTokens' | 'preemptions', number | null>;
  memory: { budgetBytes: number | null; residentBytes: number | null; items: { name: string; bytes: number }[] };
  keys: { name: string; running: number; requests: number; rejected: number; promptTokens: number; generatedTokens: number }[];
  history: Sample[];
}

type Json = Record<string, unknown>;

function object(value: unknown): Json {
  return value !== null && typeof value === 'object' ? (value as Json) : {};
}
function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(object) : [];
}
function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function percentiles(value: unknown): Percentiles {
  const from = object(value);
  return { count: number(from.count) ?? 0, mean: number(from.mean), p50: number(from.p50), p90: number(from.p90), p99: number(from.p99) };
}

export function readStats(value: unknown): Stats {
  const from = object(value);
  const now = object(from.now), latency = object(from.latency), slo = object(from.slo), totals = object(from.totals), memory = object(from.memory);
  return {
    source: 'stats', version: text(from.version), model: text(from.model), state: text(from.state), uptimeSeconds: number(from.uptime_seconds),
    now: {
      running: number(now.running), waiting: number(now.waiting), streams: number(now.streams),
      generatedPerSecond: number(now.generated_tokens_per_second), promptPerSecond: number(now.prompt_tokens_per_second),
      requestsPerSecond: number(now.requests_per_second), batchTokens: number(now.batch_tokens), stepMs: number(now.step_ms),
      kvUsage: number(now.kv_usage), cacheHitRate: number(now.cache_hit_rate),
    },
    windowSeconds: number(from.window_seconds) ?? 60,
    latency: {
      ttft: percentiles(latency.ttft_ms), tpot: percentiles(latency.tpot_ms), itl: percentiles(latency.itl_ms),
      queue: percentiles(latency.queue_ms), e2e: percentiles(latency.e2e_ms),
    },
    slo: { ttftMs: number(slo.ttft_ms), tpotMs: number(slo.tpot_ms), goodput: number(slo.goodput_ratio), failureRate: number(slo.failure_rate) },
    totals: {
      requests: number(totals.requests), errors: number(totals.errors), rejected: number(totals.rejected),
      promptTokens: number(totals.prompt_tokens), generatedTokens: number(totals.generated_tokens), preemptions: number(totals.preemptions),
    },
    memory: {
      budgetBytes: number(memory.budget_bytes), residentBytes: number(memory.resident_bytes),
      items: list(memory.items).map((i) => ({ name: text(i.name), bytes: number(i.bytes) ?? 0 })),
    },
    keys: list(from.keys).map((k) => ({
      name: text(k.name), running: number(k.running) ?? 0, requests: number(k.requests) ?? 0, rejected: number(k.rejected) ?? 0,
      promptTokens: number(k.prompt_tokens) ?? 0, generatedTokens: number(k.generated_tokens) ?? 0,
    })),
    history: list(from.history).map((s) => ({
      at: number(s.at) ?? 0, generated: number(s.generated), prompt: number(s.prompt), running: number(s.running), waiting: number(s.waiting),
      kvUsage: number(s.kv_usage), batchTokens: number(s.batch_tokens), stepMs: number(s.step_ms), ttftMs: number(s.ttft_ms),
      tpotMs: number(s.tpot_ms), residentBytes: number(s.resident_bytes),
    })),
  };
}

// Joins what is known with what is new, by second; the newest `limit` seconds.
export function mergeHistory(known: Sample[], fresh: Sample[], limit: number): Sample[] {
  const first = fresh[0]?.at ?? Infinity;
  const joined = [...known.filter((s) => s.at < first), ...fresh];
  return joined.slice(-limit);
}
