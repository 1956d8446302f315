// The shapes of OpenAI's chat completions, as far as the page uses them. All fields may be missing: the
// other side is any server.

export interface WireTopLogprob {
  token: string;
  logprob: number;
  bytes?: number[] | null;
}

export interface WireLogprob extends WireTopLogprob {
  top_logprobs?: WireTopLogprob[];
}

export interface WireToolCallDelta {
  index?: number;
  id?: string | null;
  type?: string;
  function?: { name?: string | null; arguments?: string | null };
}

export interface WireDelta {
  role?: string;
  content?: string | null;
  reasoning?: string | null;
  reasoning_content?: string | null;
  tool_calls?: WireToolCallDelta[] | null;
}

export interface WireUsage {
  prompt_tokens?: number;
  completion_tokens?: number;
  prompt_tokens_details?: { cached_tokens?: number } | null;
}

export interface WireChunk {
  model?: string;
  choices?: {
    index?: number;
    delta?: WireDelta;
    logprobs?: { content?: WireLogprob[] | null } | null;
    finish_reason?: string | null;
  }[];
  usage?: WireUsage | null;
  error?: { message?: string } | string | null;
}

export interface WireMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string | null;
  tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}
