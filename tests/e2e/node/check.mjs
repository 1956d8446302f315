// What the scripts share: each is given the server's URL, runs its checks and ends with 1 if one fails.
import assert from "node:assert/strict";

export const url = process.argv[2];
export { assert };

export async function check(name, body) {
  try {
    await body();
    console.log(`ok ${name}`);
  } catch (error) {
    console.error(`not ok ${name}\n${error.stack}`);
    process.exitCode = 1;
  }
}

export async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}
