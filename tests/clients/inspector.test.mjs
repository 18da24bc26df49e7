// The Inspector's command line: its portability lint of the schemas, and every era.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { folder, listening, python } from "./program.mjs";

const run = promisify(execFile);
const inspector = new URL("node_modules/.bin/mcp-inspector", import.meta.url).pathname;

for (const era of ["legacy", "modern", "auto"]) {
  test(`stdio, ${era}, schemas strict`, { timeout: 60_000 }, async (t) => {
    const server = ["--", python, "-m", "cf_aig_server", "serve", "--local", join(folder(t), "gateway.db")];
    const { stdout } = await run(inspector, ["--cli", "--protocol-era", era, "--method", "tools/list", "--strict", ...server]);
    assert.match(stdout, /chat_via_gateway/);
  });

  test(`http, ${era}`, { timeout: 60_000 }, async (t) => {
    const url = await listening(t, "serve", "--transport", "http", "--local", join(folder(t), "gateway.db"));
    const call = ["--method", "tools/call", "--tool-name", "list_gateways"];
    const { stdout } = await run(inspector, ["--cli", "--protocol-era", era, "--server-url", `${url}/mcp`, "--transport", "http", ...call]);
    assert.match(stdout, /default/);
  });
}
