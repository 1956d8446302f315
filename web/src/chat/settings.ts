// What a column asks for, and the request it becomes.
import type { Message } from './conversation';
import { toWire } from './conversation';

export interface Params {
  temperature?: number;
  top_p?: number;
  top_k?: number;
  min_p?: number;
  max_tokens?: number;
  seed?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  repetition_penalty?: number;
}

export interface ColumnSettings {
  server: string; // '' = the server of this page
  model: string; // '' = its first model
  system: string;
  params: Params;
  stop: string; // one per line
  logprobs: boolean;
  topLogprobs: number;
  thinking: 'default' | 'on' | 'off';
  format: 'text' | 'json_object' | 'json_schema';
  schema: string;
  usesTools: boolean;
  tools: string;
  toolChoice: 'auto' | 'required' | 'none';
  parallelTools: boolean;
  extra: string; // JSON object merged into the request
}

export const DEFAULT_SETTINGS: ColumnSettings = {
  server: '', model: '', system: '', params: {}, stop: '', logprobs: false, topLogprobs: 5, thinking: 'default',
  format: 'text', schema: '', usesTools: false, tools: '', toolChoice: 'auto', parallelTools: true, extra: '',
};

export interface ParamInfo {
  key: keyof Params;
  label: string;
  hint: string;
  min: number;
  max: number;
  step: number;
  integer?: boolean;
}

export const PARAMS: ParamInfo[] = [
  { key: 'temperature', label: 'Temperature', hint: '0 always takes the likeliest token; higher is more varied', min: 0, max: 2, step: 0.05 },
  { key: 'top_p', label: 'Top p', hint: 'Only the likeliest tokens that together have this probability', min: 0.01, max: 1, step: 0.01 },
  { key: 'top_k', label: 'Top k', hint: 'Only this many of the likeliest tokens; 0 = all', min: 0, max: 1000, step: 1, integer: true },
  { key: 'min_p', label: 'Min p', hint: 'Only tokens at least this likely, relative to the likeliest', min: 0, max: 1, step: 0.01 },
  { key: 'max_tokens', label: 'Max tokens', hint: 'The longest answer', min: 1, max: 1_000_000, step: 1, integer: true },
  { key: 'seed', label: 'Seed', hint: 'The same seed gives the same answer', min: 0, max: 2 ** 53 - 1, step: 1, integer: true },
  { key: 'presence_penalty', label: 'Presence penalty', hint: 'Above 0: tokens that were used become less likely', min: -2, max: 2, step: 0.1 },
  { key: 'frequency_penalty', label: 'Frequency penalty', hint: 'The same, for each use', min: -2, max: 2, step: 0.1 },
  { key: 'repetition_penalty', label: 'Repetition penalty', hint: 'Above 1: less repetition, prompt included', min: 0.5, max: 2, step: 0.05 },
];

// A problem of a JSON text, with the line; null if there is none.
export function jsonProblem(text: string, want: 'object' | 'array'): string | null {
  if (!text.trim()) return want === 'object' ? 'Write a JSON object.' : 'Write a JSON array.';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return describe(text, error as Error);
  }
  if (want === 'array') return Array.isArray(value) ? null : 'This must be an array: […]';
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? null : 'This must be an object: {…}';
}

function describe(text: string, error: Error): string {
  const position = /position (\d+)/.exec(error.message)?.[1];
  if (!position) return error.message;
  const line = text.slice(0, Number(position)).split('\n').length;
  return `Line ${line}: ${error.message.replace(/ in JSON at position \d+.*$/, '')}`;
}

export function toolsProblem(text: string): string | null {
  const problem = jsonProblem(text, 'array');
  if (problem) return problem;
  for (const [index, tool] of (JSON.parse(text) as unknown[]).entries()) {
    const fn = (tool as { type?: unknown; function?: { name?: unknown } } | null)?.function;
    if (!fn || typeof fn.name !== 'string' || !fn.name) return `Tool ${index + 1} needs {"type": "function", "function": {"name": …}}.`;
  }
  return null;
}

// Why the settings cannot be sent; null = they can.
export function settingsProblem(settings: ColumnSettings): string | null {
  if (settings.format === 'json_schema') {
    const problem = jsonProblem(settings.schema, 'object');
    if (problem) return `JSON schema: ${problem}`;
  }
  if (settings.usesTools) {
    const problem = toolsProblem(settings.tools);
    if (problem) return `Tools: ${problem}`;
  }
  if (settings.extra.trim()) {
    const problem = jsonProblem(settings.extra, 'object');
    if (problem) return `More fields: ${problem}`;
  }
  return null;
}

// The body of a request for the answer that follows `path`. `prefix`: text the answer begins with.
export function requestBody(settings: ColumnSettings, model: string, path: Message[], prefix = ''): Record<string, unknown> {
  const messages = toWire(path, settings.system);
  const body: Record<string, unknown> = { model, messages, stream: true, stream_options: { include_usage: true } };
  for (const [key, value] of Object.entries(settings.params)) {
    if (value !== undefined) body[key] = value;
  }
  const stops = settings.stop.split('\n').filter((s) => s !== '');
  if (stops.length > 0) body.stop = stops;
  if (settings.logprobs) {
    body.logprobs = true;
    body.top_logprobs = settings.topLogprobs;
  }
  if (settings.thinking !== 'default') body.chat_template_kwargs = { enable_thinking: settings.thinking === 'on' };
  if (settings.format === 'json_object') body.response_format = { type: 'json_object' };
  if (settings.format === 'json_schema') {
    const schema: unknown = JSON.parse(settings.schema);
    body.response_format = { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } };
  }
  if (settings.usesTools) {
    body.tools = JSON.parse(settings.tools) as unknown;
    body.tool_choice = settings.toolChoice;
    if (!settings.parallelTools) body.parallel_tool_calls = false;
  }
  if (prefix) {
    messages.push({ role: 'assistant', content: prefix });
    body.continue_final_message = true;
    body.add_generation_prompt = false;
  }
  if (settings.extra.trim()) Object.assign(body, JSON.parse(settings.extra));
  return body;
}

export const EXAMPLE_SCHEMA = JSON.stringify(
  {
    type: 'object',
    properties: {
      title: { type: 'string' },
      summary: { type: 'string' },
      tags: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 5 },
      rating: { type: 'integer', minimum: 1, maximum: 5 },
    },
    required: ['title', 'summary', 'tags', 'rating'],
    additionalProperties: false,
  },
  null, 2,
);

export const EXAMPLE_TOOLS = JSON.stringify(
  [
    {
      type: 'function',
      function: {
        name: 'get_weather',
        description: 'The current weather of a city',
        parameters: {
          type: 'object',
          properties: { city: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } },
          required: ['city'],
        },
      },
    },
  ],
  null, 2,
);
