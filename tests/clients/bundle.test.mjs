// The bundles, as `make bundle` left them: valid, and started in an empty folder by their own manifest's command.
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

test("the bundle for hosts with uv holds its sources", { timeout: 60_000 }, async (t) => {
  const { path, manifest } = await unpacked(t, "cloudflare-ai-gateway-mcp.mcpb");
  assert.equal(manifest.server.type, "uv");
  assert.match(readFileSync(join(path, manifest.server.entry_point), "utf8"), /def main/);
});

test("the bundle with its own packages starts and lists its tools", { timeout: 60_000 }, async (t) => {
  const { path, manifest } = await unpacked(t, "cloudflare-ai-gateway-mcp-python.mcpb");
  const given = { account_id: "", api_token: "", gateway_id: "default", read_only: "false" };
  const filled = (text) => text.replaceAll("${__dirname}", path).replace(/\$\{user_config\.(\w+)\}/g, (_, key) => given[key]);
  const { command, args, env } = manifest.server.mcp_config;
  const values = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)]));
  // the host's python3: here the one that made the bundle, without the packages of its environment
  const PATH = [dirname(python), process.env.PATH].join(delimiter);
  const client = new Client({ name: "clients", version: "1" });
  await client.connect(new StdioClientTransport({ command, args: ["-S", ...args.map(filled)], env: { ...values, PATH }, cwd: path }));
  try {
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map(({ name }) => name), manifest.tools.map(({ name }) => name));
    const { prompts } = await client.listPrompts();
    assert.deepEqual(prompts.map(({ name }) => name), manifest.prompts.map(({ name }) => name));
  } finally {
    await client.close();
  }
});
