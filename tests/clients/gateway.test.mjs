// Official SDKs pointed at the local gateway only by their base URL.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import Cloudflare from "cloudflare";
import OpenAI from "openai";

import { account, folder, listening } from "./program.mjs";

const options = { timeout: 60_000 };

test("openai: chat, streaming, and errors of the right class", options, async (t) => {
  const url = await listening(t, "gateway", "--db", join(folder(t), "gateway.db"));
  const client = new OpenAI({ apiKey: "sk-any", baseURL: `${url}/v1/${account}/default/openai`, maxRetries: 0 });
  const ask = (content, more) => client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content }], ...more });

  assert.match((await ask("Why is it blue?")).choices[0].message.content, /blue/);
  let streamed = "";
  for await (const chunk of await ask("Why is it blue?", { stream: true })) streamed += chunk.choices[0]?.delta?.content ?? "";
  assert.match(streamed, /blue/);
  await assert.rejects(ask("[simulate: rate_limited]"), OpenAI.RateLimitError);
  await assert.rejects(ask("x", { model: "no-such-model-x" }), OpenAI.NotFoundError);
});

test("cloudflare: gateways and logs to the end, bodies, feedback, deletion", options, async (t) => {
  const url = await listening(t, "gateway", "--db", join(folder(t), "gateway.db"));
  const openai = new OpenAI({ apiKey: "sk-any", baseURL: `${url}/v1/${account}/default/openai` });
  for (const content of ["one", "two", "three"]) {
    await openai.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content }] });
  }
  const { aiGateway } = new Cloudflare({ apiToken: "t", baseURL: `${url}/client/v4` });
  const of = { account_id: account, gateway_id: "default" };

  const gateways = [];
  for await (const gateway of aiGateway.list({ account_id: account })) gateways.push(gateway.id);
  assert.deepEqual(gateways, ["default"]);
  const ids = [];
  for await (const log of aiGateway.logs.list("default", { account_id: account, per_page: 2 })) ids.push(log.id);
  assert.equal(ids.length, 3);
  assert.match(JSON.stringify(await aiGateway.logs.request(ids[0], of)), /three/);
  assert.match(JSON.stringify(await aiGateway.logs.response(ids[0], of)), /three/);
  await aiGateway.logs.edit(ids[0], { ...of, feedback: 1 });
  assert.equal((await aiGateway.logs.get(ids[0], of)).success, true);
  await aiGateway.logs.delete("default", { account_id: account, limit: 2 });
  const left = await aiGateway.logs.list("default", { account_id: account });
  assert.equal(left.result.length, 1);
});
