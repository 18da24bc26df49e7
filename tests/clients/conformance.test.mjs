// The official conformance suite, in both eras. Whatever fails and is not in the era's list fails here, and so does
// an entry of the list that passes.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { folder, listening } from "./program.mjs";

const run = promisify(execFile);
const here = (path) => new URL(path, import.meta.url).pathname;
const suite = here("node_modules/@modelcontextprotocol/conformance/dist/index.js");

for (const era of ["2025-11-25", "2026-07-28"]) {
  test(`conformance, ${era}`, { timeout: 240_000 }, async (t) => {
    const files = folder(t);
    const url = await listening(t, "serve", "--transport", "http", "--local", join(files, "gateway.db"));
    const expected = ["--expected-failures", here(`conformance/${era}.yml`)];
    try {
      await run(process.execPath, [suite, "server", "--url", `${url}/mcp`, "--suite", "all", "--spec-version", era, "-o", files, ...expected]);
    } catch (error) {
      throw new Error(error.stdout.split("\n").slice(-60).join("\n"));
    }
  });
}
