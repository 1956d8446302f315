import { expect, test } from 'vitest';
import { bytes, count, duration, milliseconds, percent } from './format';
import { parseMetrics, quantile, statsFromScrapes } from './prometheus';
import { mergeHistory, readStats, type Sample } from './stats';

const METRICS = (tokens: number, fast: number, all: number) => `
# HELP vllm:generation_tokens_total x
vllm:generation_tokens_total{model_name="m",engine="0"} ${tokens}
vllm:num_requests_running{model_name="m"} 3
vllm:kv_cache_usage_perc{model_name="m"} 0.5
vllm:time_to_first_token_seconds_bucket{model_name="m",le="0.1"} ${fast}
vllm:time_to_first_token_seconds_bucket{model_name="m",le="0.2"} ${all}
vllm:time_to_first_token_seconds_bucket{model_name="m",le="+Inf"} ${all}
vllm:time_to_first_token_seconds_count{model_name="m"} ${all}
vllm:time_to_first_token_seconds_sum{model_name="m"} ${all * 0.1}
process_resident_memory_bytes 1048576
garbage {
`;

test('rates and percentiles come from the difference of two scrapes', () => {
  const stats = statsFromScrapes([parseMetrics(METRICS(100, 10, 10), 1000), parseMetrics(METRICS(150, 15, 20), 1002)]);
  expect(stats).toMatchObject({ model: 'm', now: { generatedPerSecond: 25, running: 3, kvUsage: 0.5 }, memory: { residentBytes: 1048576 } });
  expect(stats.latency.ttft).toMatchObject({ count: 10 });
  expect(stats.latency.ttft.p50).toBeCloseTo(100);
  expect(stats.latency.ttft.p90).toBeCloseTo(180);
});

test('a quantile is null without observations and the last bound beyond all', () => {
  expect(quantile(undefined, undefined, 0.5)).toBeNull();
  expect(quantile([[1, 5], [Infinity, 5]], [[1, 5], [Infinity, 5]], 0.5)).toBeNull();
  expect(quantile([], [[1, 0], [Infinity, 4]], 0.5)).toBe(1);
});

const sample = (at: number, generated = at) => ({ at, generated }) as Sample;

test('history is joined by second, the newer value winning, and bounded', () => {
  const merged = mergeHistory([sample(1), sample(2), sample(3, 0)], [sample(3), sample(4)], 3);
  expect(merged.map((s) => [s.at, s.generated])).toEqual([[2, 2], [3, 3], [4, 4]]);
  expect(mergeHistory([sample(1)], [], 5)).toEqual([sample(1)]);
});

test('stats of any shape are read without fault', () => {
  for (const value of [null, 3, [], {}, { now: null, history: [null, 3], memory: { items: 'x' }, keys: [{}] }]) expect(() => readStats(value)).not.toThrow();
  const stats = readStats({ model: 'm', now: { running: 2, kv_usage: null }, latency: { ttft_ms: { p50: 5 } }, history: [{ at: 7, ttft_ms: null, generated: 3 }] });
  expect(stats).toMatchObject({ model: 'm', now: { running: 2, kvUsage: null }, latency: { ttft: { p50: 5, p99: null } }, history: [{ at: 7, generated: 3, ttftMs: null }] });
});

test('numbers are short', () => {
  expect([count(3), count(12.34), count(1234.5), count(56_789), count(null)]).toEqual(['3', '12.3', '1235', '56.8 k', '–']);
  expect([milliseconds(3.21), milliseconds(250.4), milliseconds(12_500)]).toEqual(['3.2 ms', '250 ms', '12.5 s']);
  expect([percent(0.5), percent(0.012), percent(0)]).toEqual(['50 %', '1.2 %', '0 %']);
  expect([bytes(512), bytes(734003200), bytes(2147483648)]).toEqual(['512 B', '700 MiB', '2.0 GiB']);
  expect([duration(5), duration(125), duration(7260), duration(90_000)]).toEqual(['5 s', '2 min', '2 h 1 min', '1 d 1 h']);
});
