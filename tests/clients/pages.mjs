// The page as people meet it: planted logs, the server over them, and the two hosts that show it.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { watched } from "./browser.mjs";
import { referenceHost } from "./host/serve.mjs";
import { folder, listening, python } from "./program.mjs";

const run = promisify(execFile);
const plant = new URL("plant.py", import.meta.url).pathname;

/** Plant logs of a kind into a new file; returns the file and what was planted. */
export async function planted(test, kind) {
  const db = join(folder(test), `${kind}.db`);
  const { stdout } = await run(python, [plant, db, kind], { maxBuffer: 64 << 20 });
  return { db, ids: JSON.parse(stdout) };
}

/** Open our own host at an address; `view` is the page in it. */
export async function opened(chrome, url, options) {
  const page = await watched(chrome, { origins: [new URL(url).origin], ...options });
  await page.goto(url);
  return { page, view: page.frameLocator("iframe"), frame: () => page.frames().find((each) => each.parentFrame()) };
}

/** Start `serve` over a file, and the extension's host before it; returns what shows a tool's page. */
export async function chat(test, db) {
  const url = await listening(test, "serve", "--transport", "http", "--local", db);
  const { host, sandbox } = await referenceHost(test, url);
  return async (chrome, asked, options) => {
    const page = await watched(chrome, { origins: [host, sandbox].map((each) => new URL(each).origin), ...options });
    await page.goto(host);
    await page.evaluate((given) => window.show(given), { ...asked, sandbox });
    const view = page.frameLocator("iframe").frameLocator("iframe");
    return { page, view, frame: () => page.frames().find((each) => each.parentFrame()?.parentFrame()) };
  };
}
