// An answer while it grows: the chunks of a stream, put together.
import type { WireChunk, WireLogprob } from './wire';

export interface TokenInfo {
  text: string; // what this token adds to the visible text; empty for a part of a character
  token: string;
  logprob: number;
  top: { token: string; logprob: number }[];
}

export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

export interface Answer {
  content: string;
  reasoning: string;
  toolCalls: ToolCall[];
  tokens: TokenInfo[];
  finish: string | null;
  model: string;
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
}

const MAX_TOOL_CALLS = 128;

export function emptyAnswer(): Answer {
  return {
    content: '', reasoning: '', toolCalls: [], tokens: [], finish: null, model: '',
    promptTokens: 0, cachedTokens: 0, completionTokens: 0,
  };
}

export class AnswerBuilder {
  readonly answer = emptyAnswer();
  private decoder = new TextDecoder();

  // True if the chunk added text, reasoning or a tool call.
  take(chunk: WireChunk): boolean {
    if (chunk.error) throw new Error(errorText(chunk.error));
    const answer = this.answer;
    if (chunk.model) answer.model = chunk.model;
    if (chunk.usage) {
      answer.promptTokens = chunk.usage.prompt_tokens ?? answer.promptTokens;
      answer.completionTokens = chunk.usage.completion_tokens ?? answer.completionTokens;
      answer.cachedTokens = chunk.usage.prompt_tokens_details?.cached_tokens ?? answer.cachedTokens;
    }
    const choice = chunk.choices?.find((c) => (c.index ?? 0) === 0);
    if (!choice) return false;
    let grew = false;
    const delta = choice.delta ?? {};
    const reasoning = delta.reasoning ?? delta.reasoning_content;
    if (reasoning) {
      answer.reasoning += reasoning;
      grew = true;
    }
    if (delta.content) {
      answer.content += delta.content;
      grew = true;
    }
    for (const call of delta.tool_calls ?? []) grew = this.takeToolCall(call) || grew;
    for (const position of choice.logprobs?.content ?? []) answer.tokens.push(this.token(position));
    if (choice.finish_reason) answer.finish = choice.finish_reason;
    return grew;
  }

  private takeToolCall(delta: { index?: number; id?: string | null; function?: { name?: string | null; arguments?: string | null } }): boolean {
    const calls = this.answer.toolCalls;
    const index = delta.index ?? 0;
    if (!Number.isInteger(index) || index < 0 || index >= MAX_TOOL_CALLS) return false;
    while (calls.length <= index) calls.push({ id: '', name: '', arguments: '' });
    const call = calls[index]!;
    if (delta.id) call.id = delta.id;
    if (delta.function?.name) call.name = delta.function.name;
    if (delta.function?.arguments) call.arguments += delta.function.arguments;
    return true;
  }

  // Characters may be split between tokens: the last of them shows the character.
  private token(position: WireLogprob): TokenInfo {
    const text = position.bytes
      ? this.decoder.decode(new Uint8Array(position.bytes), { stream: true })
      : position.token;
    const top = (position.top_logprobs ?? []).map((t) => ({ token: readable(t), logprob: t.logprob }));
    return { text, token: readable(position), logprob: position.logprob, top };
  }
}

function readable(t: { token: string; bytes?: number[] | null }): string {
  if (!t.bytes || !t.token.includes('\ufffd')) return t.token;
  return t.bytes.map((b) => `\\x${b.toString(16).padStart(2, '0')}`).join('');
}

export function errorText(error: unknown): string {
  if (typeof error === 'string') return error;
  if (error && typeof error === 'object' && 'message' in error) return String((error as { message: unknown }).message);
  return 'The server sent an error.';
}
