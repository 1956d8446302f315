// Talks to servers of OpenAI's shape: this one and others by URL.
import { AnswerBuilder, errorText, type Answer } from './answer';
import { SseParser } from './sse';
import type { WireChunk, WireDelta } from './wire';

export interface Endpoint {
  server: string; // '' = the server of this page, else a URL
  key: string;
}

export interface Timing {
  firstMs: number | null; // request to first text
  totalMs: number;
}

export class RequestError extends Error {
  constructor(message: string, readonly status: number) {
    super(message);
  }
}

// "host:8000", "http://host/v1/" -> "http://host/v1"; '' -> '/v1'. Throws for what is no HTTP URL.
export function baseUrl(server: string): string {
  const text = server.trim();
  if (text === '') return '/v1';
  const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`${server} is not an HTTP address.`);
  const path = url.pathname.replace(/\/+$/, '');
  return url.origin + (/\/v\d+$/.test(path) ? path : `${path}/v1`);
}

// The address of something beside /v1: "/metrics".
export function rootUrl(server: string, path: string): string {
  return baseUrl(server).replace(/\/v\d+$/, '') + path;
}

export function headers(key: string): Record<string, string> {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function failure(response: Response): Promise<RequestError> {
  let message = `The server answered ${response.status}.`;
  try {
    const body = (await response.json()) as { error?: unknown; message?: unknown };
    if (body.error) message = errorText(body.error);
    else if (body.message) message = String(body.message);
  } catch {
    // no JSON: the status says it
  }
  const wait = response.headers.get('Retry-After');
  if ((response.status === 429 || response.status === 503) && wait) message += ` Try again in ${wait} s.`;
  return new RequestError(message, response.status);
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    if ((cause as Error).name === 'AbortError') throw cause;
    const where = url.startsWith('/') ? 'the server' : new URL(url).origin;
    const hint = url.startsWith('/') ? '' : ' It must run, and allow this page’s origin (CORS).';
    throw new RequestError(`Cannot reach ${where}.${hint}`, 0);
  }
}

export async function listModels(at: Endpoint, signal?: AbortSignal): Promise<{ id: string; maxLen?: number }[]> {
  const response = await reach(`${baseUrl(at.server)}/models`, { headers: headers(at.key), signal });
  if (!response.ok) throw await failure(response);
  const body = (await response.json()) as { data?: { id?: unknown; max_model_len?: unknown }[] };
  return (body.data ?? [])
    .filter((m) => typeof m.id === 'string')
    .map((m) => ({ id: m.id as string, maxLen: typeof m.max_model_len === 'number' ? m.max_model_len : undefined }));
}

// Streams one answer. `grown` is called after each piece of the stream. Servers that do not stream are
// understood too. Rejects with AbortError when stopped.
export async function streamChat(
  at: Endpoint, body: object, signal: AbortSignal, grown: (answer: Answer, timing: Timing) => void,
): Promise<{ answer: Answer; timing: Timing }> {
  const started = performance.now();
  const builder = new AnswerBuilder();
  const timing: Timing = { firstMs: null, totalMs: 0 };
  const take = (chunk: WireChunk) => {
    const grew = builder.take(chunk);
    timing.totalMs = performance.now() - started;
    if (grew && timing.firstMs === null) timing.firstMs = timing.totalMs;
  };
  const response = await reach(`${baseUrl(at.server)}/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers(at.key) },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok) throw await failure(response);
  if (!response.headers.get('Content-Type')?.includes('text/event-stream')) {
    take(wholeAsChunk((await response.json()) as WholeAnswer));
    return { answer: builder.answer, timing };
  }
  await readEvents(response, (data) => take(JSON.parse(data) as WireChunk), () => grown(builder.answer, timing));
  return { answer: builder.answer, timing };
}

async function readEvents(response: Response, event: (data: string) => void, piece: () => void): Promise<void> {
  const reader = response.body!.getReader();
  const parser = new SseParser();
  for (;;) {
    let done: boolean, value: Uint8Array | undefined;
    try {
      ({ done, value } = await reader.read());
    } catch (cause) {
      if ((cause as Error).name === 'AbortError') throw cause;
      throw new RequestError('The connection was lost before the answer was complete.', 0);
    }
    if (done) throw new RequestError('The stream ended before the answer was complete.', 0);
    for (const { data } of parser.feed(value!)) {
      if (data === '[DONE]') {
        piece();
        void reader.cancel();
        return;
      }
      event(data);
    }
    piece();
  }
}

type WholeAnswer = Omit<WireChunk, 'choices'> & { choices?: (NonNullable<WireChunk['choices']>[number] & { message?: WireDelta })[] };

function wholeAsChunk(body: WholeAnswer): WireChunk {
  return { ...body, choices: (body.choices ?? []).map((c) => ({ ...c, delta: c.message ?? c.delta })) };
}
