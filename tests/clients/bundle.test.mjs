// The bundles from `make bundle` are valid, and start in an empty folder by their own manifest's command.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

import { folder, python } from "./program.mjs";

const run = promisify(execFile);
const mcpb = new URL("node_modules/.bin/mcpb", import.meta.url).pathname;
const dist = new URL("../../dist", import.meta.url).pathname;

async function unpacked(t, name) {
  const path = folder(t);
  await run(mcpb, ["unpack", join(dist, name), path]);
  await run(mcpb, ["validate", join(path, "manifest.json")]);
  return { path, manifest: JSON.parse(readFileSync(join(path, "manifest.json"), "utf8")) };
}

/** Start an unpacked bundle by its manifest's command, and compare its lists with the manifest. */
async function lives({ path, manifest }, ...options) {
  const given = { account_id: "", api_token: "", gateway_id: "default", read_only: "false" };
  const filled = (text) => text.replaceAll("${__dirname}", path).replace(/\$\{user_config\.(\w+)\}/g, (_, key) => given[key]);
  const { command, args, env } = manifest.server.mcp_config;
  const values = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)]));
  const PATH = [dirname(python), process.env.PATH].join(delimiter); // the host's python3 and uv: those of this environment
  const client = new Client({ name: "clients", version: "1" });
  const started = { command, args: [...options, ...args.map(filled)], env: { ...process.env, ...values, PATH }, cwd: path };
  await client.connect(new StdioClientTransport(started), { timeout: 150_000 });
  try {
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map(({ name }) => name), manifest.tools.map(({ name }) => name));
    const { prompts } = await client.listPrompts();
    assert.deepEqual(prompts.map(({ name }) => name), manifest.prompts.map(({ name }) => name));
  } finally {
    await client.close();
  }
}

test("the bundle for hosts with uv starts and lists its tools", { timeout: 180_000 }, async (t) => {
  const bundle = await unpacked(t, "cloudflare-ai-gateway-mcp.mcpb");
  assert.equal(bundle.manifest.server.type, "uv");
  await lives(bundle);
});

test("the bundle with its own packages starts and lists its tools", { timeout: 60_000 }, async (t) => {
  const bundle = await unpacked(t, "cloudflare-ai-gateway-mcp-python.mcpb");
  await lives(bundle, "-S"); // without the packages of its environment
});
