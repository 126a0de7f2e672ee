// Calls an embedding server with the official OpenAI client for Node, once through the tap and once directly, and
// checks that both give the same vectors. Prints the number of calls through the tap.
//
//   node clients.mjs http://tap/v1 http://server/v1 model
import OpenAI from "openai";
import assert from "node:assert/strict";

const [tapURL, serverURL, model] = process.argv.slice(2);
const tap = new OpenAI({ baseURL: tapURL, apiKey: "demo", maxRetries: 0 });
const server = new OpenAI({ baseURL: serverURL, apiKey: "demo", maxRetries: 0 });

const requests = [
  { input: "one text, base64 by the client's default" },
  { input: "one text, as numbers", encoding_format: "float" },
  { input: ["two texts", "deux textes, 二つのテキスト"] },
  { input: ["shorter vectors"], dimensions: 256 },
  { input: [1, 2, 3] },
  { input: [[1, 2, 3], [4, 5]] },
];

let calls = 0;
for (const request of requests) {
  const through = await tap.embeddings.create({ model, ...request });
  const direct = await server.embeddings.create({ model, ...request });
  calls++;
  assert.deepEqual(through.data, direct.data);
  assert.deepEqual(through.usage, direct.usage);
}
await assert.rejects(tap.embeddings.create({ model: "no-such-model", input: "x" }), { status: 404 });
calls++;
const models = await tap.models.list();
assert.ok(models.data.some((m) => m.id === model), "other paths pass through");
console.log(calls);
