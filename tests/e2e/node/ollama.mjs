// The official ollama client, unmodified.
import { Ollama } from "ollama";

import { assert, check, collect, url } from "./check.mjs";

const client = new Ollama({ host: url });
const model = (await client.list()).models[0].name;
const messages = [{ role: "user", content: "Name three colours." }];
const options = { temperature: 0, num_predict: 24 };

await check("a chat stream gives the message of one piece", async () => {
  const whole = await client.chat({ model, messages, options });
  const lines = await collect(await client.chat({ model, messages, options, stream: true }));
  assert.ok(lines.length > 5);
  assert.equal(lines.map((line) => line.message.content).join(""), whole.message.content);
  assert.equal(lines.at(-1).done_reason, whole.done_reason);
  assert.equal(lines.at(-1).eval_count, whole.eval_count);
});

await check("generate streams too", async () => {
  const request = { model, prompt: "The capital of France is", raw: true, options };
  const whole = await client.generate(request);
  const lines = await collect(await client.generate({ ...request, stream: true }));
  assert.match(whole.response, /Paris/);
  assert.equal(lines.map((line) => line.response).join(""), whole.response);
});

await check("a stream can be aborted", async () => {
  const stream = await client.generate({ model, prompt: "Tell me everything.", options: { num_predict: 1000 }, stream: true });
  await assert.rejects(async () => {
    for await (const _ of stream) stream.abort();
  }, { name: "AbortError" });
});

await check("models are described", async () => {
  const shown = await client.show({ model });
  assert.ok(shown.capabilities.includes("completion"));
  assert.equal((await client.ps()).models[0].name, model);
  assert.match((await client.version()).version, /^\d+\.\d+/);
});

await check("errors carry status and text", async () => {
  await assert.rejects(client.chat({ model: "nobody", messages }), { status_code: 404, message: /not found/ });
  await assert.rejects(client.embed({ model, input: "x" }), { status_code: 501 });
});
