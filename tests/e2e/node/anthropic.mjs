// The official @anthropic-ai/sdk, unmodified.
import Anthropic from "@anthropic-ai/sdk";

import { assert, check, collect, url } from "./check.mjs";

const client = new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0 });
const model = (await client.models.list()).data[0].id;
const messages = [{ role: "user", content: "Name three colours." }];
const fixed = { model, max_tokens: 24, messages, temperature: 0 };
const textOf = (message) => message.content.map((block) => block.text ?? "").join("");

await check("a stream gives the message of one piece", async () => {
  const whole = await client.messages.create(fixed);
  const stream = client.messages.stream(fixed);
  let pieces = "";
  stream.on("text", (text) => (pieces += text));
  const streamed = await stream.finalMessage();
  assert.ok(textOf(whole).length > 0);
  assert.equal(pieces, textOf(whole));
  assert.equal(textOf(streamed), textOf(whole));
  assert.equal(streamed.stop_reason, whole.stop_reason);
  assert.equal(streamed.usage.output_tokens, whole.usage.output_tokens);
});

await check("events have the types of the protocol", async () => {
  const events = await collect(await client.messages.create({ ...fixed, max_tokens: 3, stream: true }));
  assert.equal(events[0].type, "message_start");
  assert.equal(events.at(-1).type, "message_stop");
  assert.equal(events.at(-2).delta.stop_reason, "max_tokens");
});

await check("tokens are counted", async () => {
  const { input_tokens } = await client.messages.countTokens({ model, messages });
  const { usage } = await client.messages.create({ model, messages, max_tokens: 1 });
  assert.equal(usage.input_tokens + usage.cache_read_input_tokens, input_tokens);
});

await check("errors have their classes", async () => {
  await assert.rejects(client.messages.create({ ...fixed, max_tokens: 0 }), Anthropic.BadRequestError);
  await assert.rejects(client.messages.create({ ...fixed, model: "nobody" }), Anthropic.NotFoundError);
});
