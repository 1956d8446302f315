// The same numbers from two looks at /metrics (Prometheus text, vLLM's names).
import type { Percentiles, Sample, Stats } from './stats';

export interface Scrape {
  at: number; // Unix seconds
  values: Map<string, number>; // by name, summed over labels
  buckets: Map<string, [number, number][]>; // histogram name -> (upper bound, cumulated count)
  model: string;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?\s+(\S+)/;

export function parseMetrics(text: string, at: number): Scrape {
  const scrape: Scrape = { at, values: new Map(), buckets: new Map(), model: '' };
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    const match = LINE.exec(line);
    if (!match) continue;
    const [, name, labels = '', raw] = match;
    const value = Number(raw === '+Inf' ? Infinity : raw);
    if (Number.isNaN(value)) continue;
    scrape.model ||= /model_name="([^"]*)"/.exec(labels)?.[1] ?? '';
    const bound = name!.endsWith('_bucket') ? /le="([^"]*)"/.exec(labels)?.[1] : undefined;
    if (bound === undefined) scrape.values.set(name!, (scrape.values.get(name!) ?? 0) + value);
    else addBucket(scrape, name!.slice(0, -'_bucket'.length), bound === '+Inf' ? Infinity : Number(bound), value);
  }
  return scrape;
}

function addBucket(scrape: Scrape, name: string, bound: number, count: number): void {
  const list = scrape.buckets.get(name) ?? [];
  const found = list.find(([b]) => b === bound);
  if (found) found[1] += count;
  else list.push([bound, count]);
  scrape.buckets.set(name, list);
}

// The value below which this share of the observations between two scrapes lies, by linear interpolation
// within its bucket; null without observations.
export function quantile(before: [number, number][] | undefined, after: [number, number][] | undefined, share: number): number | null {
  if (!after) return null;
  const earlier = new Map(before ?? []);
  const list = after.map(([bound, count]): [number, number] => [bound, count - (earlier.get(bound) ?? 0)]).sort((a, b) => a[0] - b[0]);
  const total = list[list.length - 1]?.[1] ?? 0;
  if (total <= 0) return null;
  const rank = share * total;
  let lowBound = 0, lowCount = 0;
  for (const [bound, count] of list) {
    if (count >= rank) {
      if (bound === Infinity) return lowBound;
      const inside = count - lowCount;
      return inside <= 0 ? bound : lowBound + ((rank - lowCount) / inside) * (bound - lowBound);
    }
    lowBound = bound;
    lowCount = count;
  }
  return lowBound;
}

const V = 'vllm:';

function rate(then: Scrape, now: Scrape, name: string): number | null {
  const a = then.values.get(name), b = now.values.get(name);
  if (b === undefined || now.at <= then.at) return null;
  return Math.max(0, (b - (a ?? 0)) / (now.at - then.at));
}

function latency(then: Scrape, now: Scrape, name: string): Percentiles {
  const before = then.buckets.get(V + name), after = now.buckets.get(V + name);
  const ms = (share: number) => {
    const value = quantile(before, after, share);
    return value === null ? null : value * 1000;
  };
  const count = (now.values.get(`${V}${name}_count`) ?? 0) - (then.values.get(`${V}${name}_count`) ?? 0);
  const sum = (now.values.get(`${V}${name}_sum`) ?? 0) - (then.values.get(`${V}${name}_sum`) ?? 0);
  return { count, mean: count > 0 ? (sum / count) * 1000 : null, p50: ms(0.5), p90: ms(0.9), p99: ms(0.99) };
}

export const METRICS_WINDOW_SECONDS = 60;

// `scrapes`: oldest first, at least one.
export function statsFromScrapes(scrapes: Scrape[]): Stats {
  const now = scrapes[scrapes.length - 1]!;
  const previous = scrapes[scrapes.length - 2] ?? now;
  const start = scrapes.find((s) => now.at - s.at <= METRICS_WINDOW_SECONDS) ?? now;
  const value = (name: string) => now.values.get(V + name) ?? null;
  const ttft = latency(start, now, 'time_to_first_token_seconds');
  const tpot = latency(start, now, now.buckets.has(`${V}request_time_per_output_token_seconds`) ? 'request_time_per_output_token_seconds' : 'time_per_output_token_seconds');
  const hits = rate(start, now, `${V}prefix_cache_hits_total`), queries = rate(start, now, `${V}prefix_cache_queries_total`);
  const started = now.values.get('process_start_time_seconds');
  const sample: Sample = {
    at: Math.round(now.at), generated: rate(previous, now, `${V}generation_tokens_total`), prompt: rate(previous, now, `${V}prompt_tokens_total`),
    running: value('num_requests_running'), waiting: value('num_requests_waiting'), kvUsage: value('kv_cache_usage_perc'), batchTokens: null, stepMs: null,
    ttftMs: latency(previous, now, 'time_to_first_token_seconds').p50, tpotMs: latency(previous, now, 'inter_token_latency_seconds').p50,
    residentBytes: now.values.get('process_resident_memory_bytes') ?? null,
  };
  return {
    source: 'metrics', version: '', model: now.model, state: 'serving', uptimeSeconds: started === undefined ? null : Date.now() / 1000 - started,
    now: {
      running: sample.running, waiting: sample.waiting, streams: null, generatedPerSecond: sample.generated, promptPerSecond: sample.prompt,
      requestsPerSecond: rate(start, now, `${V}request_success_total`), batchTokens: null, stepMs: null, kvUsage: sample.kvUsage,
      cacheHitRate: queries && hits !== null ? hits / queries : null,
    },
    windowSeconds: METRICS_WINDOW_SECONDS,
    latency: { ttft, tpot, itl: latency(start, now, 'inter_token_latency_seconds'), queue: latency(start, now, 'request_queue_time_seconds'), e2e: latency(start, now, 'e2e_request_latency_seconds') },
    slo: { ttftMs: null, tpotMs: null, goodput: null, failureRate: null },
    totals: {
      requests: value('request_success_total'), errors: null, rejected: null, promptTokens: value('prompt_tokens_total'),
      generatedTokens: value('generation_tokens_total'), preemptions: value('num_preemptions_total'),
    },
    memory: { budgetBytes: null, residentBytes: sample.residentBytes, items: [] },
    keys: [],
    history: [sample],
  };
}
