// The official conformance suite, in both eras: the server alone, and with everything the suite asks for. Whatever
// fails and isn't in the era's list fails here, and so does a listed case that passes.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { folder, freePort, listening, started } from "./program.mjs";

const run = promisify(execFile);
const here = (path) => new URL(path, import.meta.url).pathname;
const suite = here("node_modules/@modelcontextprotocol/conformance/dist/index.js");
const options = { timeout: 240_000 };

async function conforms(url, era, files, ...expected) {
  const asked = ["server", "--url", `${url}/mcp`, "--suite", "all", "--spec-version", era, "-o", files, ...expected];
  try {
    await run(process.execPath, [suite, ...asked]);
  } catch (error) {
    const failed = /✗|\bFAIL|[1-9]\d* failed|timed? ?out|error/i;
    const lines = `${error.stdout}\n${error.stderr}`.split("\n");
    throw new Error(lines.filter((line) => failed.test(line)).slice(-60).join("\n"));
  }
}

for (const era of ["2025-11-25", "2026-07-28"]) {
  test(`conformance, ${era}, but for what this server rightly lacks`, options, async (t) => {
    const files = folder(t);
    const url = await listening(t, "serve", "--transport", "http", "--local", join(files, "gateway.db"));
    await conforms(url, era, files, "--expected-failures", here(`conformance/${era}.yml`));
  });

  test(`conformance, ${era}, with everything`, options, async (t) => {
    const files = folder(t);
    const port = await freePort();
    const url = await started(t, port, "-W", "ignore", here("everything"), String(port), join(files, "gateway.db"));
    await conforms(url, era, files);
  });
}

test("conformance of the skills, which is an extension of 2026-07-28", options, async (t) => {
  const files = folder(t);
  const url = await listening(t, "serve", "--transport", "http", "--local", join(files, "gateway.db"));
  for (const scenario of ["sep-2640-skills-enumeration", "sep-2640-skills-manifest"]) {
    const asked = ["server", "--url", `${url}/mcp`, "--scenario", scenario, "--spec-version", "2026-07-28", "--force", "-o", files];
    const { stdout } = await run(process.execPath, [suite, ...asked]);
    assert.match(stdout, /Passed: (\d+)\/\1, 0 failed, 0 warnings/);
  }
});
