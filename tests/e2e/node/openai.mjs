// The official openai client for Node, unmodified.
import OpenAI from "openai";

import { assert, check, collect, url } from "./check.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const model = (await client.models.list()).data[0].id;
const messages = [{ role: "user", content: "Name three colours." }];
const fixed = { model, messages, max_tokens: 24, temperature: 0 };

await check("a chat stream gives the message of one piece", async () => {
  const whole = await client.chat.completions.create(fixed);
  const chunks = await collect(await client.chat.completions.create({ ...fixed, stream: true, stream_options: { include_usage: true } }));
  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
  assert.ok(text.length > 0);
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(chunks.at(-1).usage.completion_tokens, whole.usage.completion_tokens);
});

await check("the stream helper collects the completion", async () => {
  const runner = client.chat.completions.stream({ ...fixed, logprobs: true });
  const completion = await runner.finalChatCompletion();
  assert.equal(completion.choices[0].logprobs.content.map((entry) => entry.token).join("").trimEnd(),
    completion.choices[0].message.content.trimEnd());
});

await check("completions take several prompts", async () => {
  const answer = await client.completions.create({ model, prompt: ["The sea is", "One, two,"], max_tokens: 4, temperature: 0 });
  assert.deepEqual(answer.choices.map((choice) => choice.index), [0, 1]);
});

await check("a stream can be aborted", async () => {
  const stream = await client.completions.create({ model, prompt: "Tell me everything.", max_tokens: 1000, stream: true });
  for await (const _ of stream) stream.controller.abort();
});

await check("errors have their classes", async () => {
  await assert.rejects(client.chat.completions.create({ ...fixed, temperature: -1 }), OpenAI.BadRequestError);
  await assert.rejects(client.models.retrieve("nobody"), OpenAI.NotFoundError);
});
