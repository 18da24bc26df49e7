// The skills as a plugin: coding agents with plugins install it from the folder in the package.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { folder } from "./program.mjs";

const run = promisify(execFile);
const bin = new URL("node_modules/.bin/", import.meta.url).pathname;
const plugin = new URL("../../server/cf_aig_server/plugin", import.meta.url).pathname;
const NAME = "cloudflare-ai-gateway@cloudflare-ai-gateway-mcp";
const SKILLS = readdirSync(join(plugin, "skills"));

const AGENTS = {
  "Claude Code": [
    ["claude", "plugin", "validate", "--strict", plugin],
    ["claude", "plugin", "marketplace", "add", plugin],
    ["claude", "plugin", "install", NAME],
  ],
  Codex: [
    ["codex", "plugin", "marketplace", "add", plugin],
    ["codex", "plugin", "add", NAME],
  ],
};

for (const [agent, commands] of Object.entries(AGENTS)) {
  test(`${agent} installs the plugin with its skills`, { timeout: 120_000 }, async (t) => {
    const home = folder(t);
    const env = { PATH: `${bin}:${process.env.PATH}`, HOME: home, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" };
    for (const [command, ...rest] of commands) await run(join(bin, command), rest, { env, cwd: home });

    const installed = readdirSync(home, { recursive: true }).filter((path) => path.endsWith("SKILL.md"));
    assert.deepEqual(installed.map((path) => path.split("/").at(-2)).sort(), SKILLS.sort());
  });
}
