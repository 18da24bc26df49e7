// The page as people see it: planted logs, the server over them, and the two hosts that show it.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

import { watched } from "./browser.mjs";
import { referenceHost } from "./host/serve.mjs";
import { folder, listening, python } from "./program.mjs";

const run = promisify(execFile);
const plant = new URL("plant.py", import.meta.url).pathname;

/** Whatever is started with it, as with a test, is stopped by `end`. */
function held() {
  const undone = [];
  return {
    after: (undo) => undone.push(undo),
    end: async () => {
      for (const undo of undone.reverse()) await undo();
    },
  };
}

/** Whatever is started with it, as with a test, is stopped after all tests of the file. */
export function wholeFile() {
  const file = held();
  after(file.end);
  return file;
}

/** Run a script that isn't a test. Whatever it starts is stopped when it ends. */
export async function script(run) {
  const started = held();
  try {
    await run(started);
  } finally {
    await started.end();
  }
}

/** Plant logs of a kind into a new file; returns the file and what was planted. */
export async function planted(test, kind, ...names) {
  const db = join(folder(test), `${kind}.db`);
  const { stdout } = await run(python, [plant, db, kind, ...names], { maxBuffer: 64 << 20 });
  return { db, ids: JSON.parse(stdout) };
}

/** Open our own host at an address; `view` is the page in it. */
export async function opened(chrome, url, options) {
  const page = await watched(chrome, { origins: [new URL(url).origin], ...options });
  await page.goto(url);
  return { page, view: page.frameLocator("iframe"), frame: () => page.frames().find((each) => each.parentFrame()) };
}

/** Start `serve` over a file, with the extension's host in front; returns a function that shows a tool's page. */
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

/** Return the number that a figure of the overview shows, without its comparison. */
export async function figure(view, name) {
  const text = await view.getByTestId(`figure-${name}`).locator("dd").evaluate((shown) => shown.firstChild.textContent);
  return Number(text.replace(/[$,%\s]/g, ""));
}

/** Open the table of logs with every row loaded. */
export async function logs(view) {
  await view.getByTestId("tab-logs").click();
  await view.getByTestId("log-row").first().waitFor();
  const count = view.getByTestId("logs-count");
  while (/more as you scroll/.test(await count.innerText())) {
    const before = await count.innerText();
    await view.getByTestId("logs-table").press("End");
    await count.filter({ hasNotText: before }).waitFor();
  }
}

/** Open a log by its row; returns its view. */
export async function openLog(view, id) {
  await view.getByTestId("filter-text").fill(id);
  await view.getByTestId("logs-count").filter({ hasText: "rows loaded" }).waitFor(); // a row may become another's
  await view.locator(`[data-testid=log-row][data-log-id="${id}"]`).click();
  const shown = view.locator(`[data-testid=view-log][data-log-id="${id}"][aria-busy=false]`);
  await shown.getByTestId("happened").waitFor();
  return shown;
}

/** A view's text, folded or not, including that in its fields. */
export const said = (shown) => shown.evaluate((view) => view.textContent.replace(/\s+/g, " "));

/** Wait until something is true: `check` raises until then. */
export async function eventually(check, patience = 15_000) {
  for (const end = Date.now() + patience; ; await pause(50)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
