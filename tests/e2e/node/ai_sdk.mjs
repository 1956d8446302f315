// The Vercel AI SDK with its provider for OpenAI-compatible servers, unmodified.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, streamObject, streamText, tool } from "ai";
import { z } from "zod";

import { assert, check, collect, url } from "./check.mjs";

const provider = createOpenAICompatible({
  name: "trivet", baseURL: `${url}/v1`, apiKey: "none", includeUsage: true, supportsStructuredOutputs: true });
const id = (await (await fetch(`${url}/v1/models`)).json()).data[0].id;
const fixed = { model: provider.chatModel(id), temperature: 0, seed: 1, maxOutputTokens: 24, maxRetries: 0 };

await check("a chat stream gives the text of one piece", async () => {
  const request = { ...fixed, system: "Be brief.",
    messages: [{ role: "user", content: "What is the capital of France? Answer in one word." }] };
  const whole = await generateText(request);
  assert.match(whole.text, /Paris/);
  assert.ok(whole.usage.outputTokens > 0);
  const result = streamText(request);
  const parts = await collect(result.textStream);
  assert.equal(parts.join(""), whole.text);
  assert.ok(parts.length > 3);
  assert.equal(await result.finishReason, whole.finishReason);
  assert.equal((await result.usage).outputTokens, whole.usage.outputTokens);
});

await check("completions work", async () => {
  const { text } = await generateText({ ...fixed, model: provider.completionModel(id), prompt: "The capital of France is" });
  assert.match(text, /Paris/);
});

await check("a stream can be aborted", async () => {
  const controller = new AbortController();
  const result = streamText({ ...fixed, maxOutputTokens: 1000, prompt: "Tell a very long story.", abortSignal: controller.signal });
  let count = 0;
  for await (const part of result.textStream) {
    if (part && ++count === 3) controller.abort();
  }
  assert.equal(count, 3);
});

await check("errors have their status", async () => {
  await assert.rejects(generateText({ ...fixed, model: provider.chatModel("missing"), prompt: "x" }),
    (error) => error.statusCode === 404 && /missing/.test(error.message));
});

await check("objects follow their schema", async () => {
  const schema = z.object({ name: z.string().max(40), country: z.string().max(40), size: z.enum(["small", "large"]) });
  const request = { ...fixed, maxOutputTokens: 200, schema, prompt: "Describe Paris." };
  const { object } = await generateObject(request);
  schema.parse(object);
  const result = streamObject(request);
  const partial = await collect(result.partialObjectStream);
  assert.ok(partial.length > 1);
  assert.deepEqual(await result.object, object);
});

await check("tools are called", async () => {
  const weather = tool({
    description: "The weather in a city",
    inputSchema: z.object({ city: z.string().max(40) }),
    execute: async ({ city }) => `sunny in ${city}`,
  });
  // One call: a small model would go on calling until its tokens run out.
  const request = { ...fixed, maxOutputTokens: 200, tools: { weather }, toolChoice: "required",
    prompt: "How is the weather in Paris?", providerOptions: { trivet: { parallel_tool_calls: false } } };
  const whole = await generateText(request);
  assert.equal(whole.toolCalls[0].toolName, "weather");
  assert.equal(whole.toolResults[0].output, `sunny in ${whole.toolCalls[0].input.city}`);
  const result = streamText(request);
  await collect(result.fullStream);
  assert.deepEqual((await result.toolCalls).map((call) => call.input), whole.toolCalls.map((call) => call.input));
});
