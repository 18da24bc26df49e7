// How fast the page draws and scrolls, on this machine: `make bench-page`. Prints what it measured.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { browser } from "./browser.mjs";
import { chat, opened, planted, script } from "./pages.mjs";
import { listening } from "./program.mjs";

const ROUNDS = 7;
const median = (figures) => figures.toSorted((one, other) => one - other)[figures.length >> 1];

/** When a frame painted a part (milliseconds since 1970); the part may not exist yet. */
const painted = (frame, part) =>
  frame.evaluate(async (name) => {
    const next = () => new Promise((done) => requestAnimationFrame(done));
    while (!document.querySelector(`[data-testid="${name}"]`)) await next();
    await next();
    return performance.timeOrigin + performance.now();
  }, part);

/** From a tool's result in a chat to the painted page. */
async function inChat(chrome, show, tool, given, part) {
  const { page, frame } = await show(chrome, { tool, arguments: given, held: true });
  await page.waitForFunction(() => window.release);
  const drawn = painted(frame(), part);
  await page.evaluate(() => window.release());
  const took = (await drawn) - (await page.evaluate(() => window.releasedAt));
  await page.context().close();
  return took;
}

/** From entering the address to the painted overview of the last day. */
async function inBrowser(chrome, url) {
  const before = Date.now();
  const { page, view, frame } = await opened(chrome, url);
  await view.locator("body").waitFor();
  const took = (await painted(frame(), "figure-calls")) - before;
  await page.context().close();
  return took;
}

/** Scroll through a table by the wheel until every row is loaded; returns the longest frame and task, and the rows. */
async function scrolled(chrome, url) {
  const { page, view, frame } = await opened(chrome, url);
  await view.getByTestId("tab-logs").click();
  await view.getByTestId("log-row").first().waitFor();
  await frame().evaluate(() => {
    window.longest = { frame: 0, task: 0 };
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longest.task = Math.max(window.longest.task, duration);
    }).observe({ type: "longtask" });
    let last = performance.now();
    requestAnimationFrame(function each(now) {
      window.longest.frame = Math.max(window.longest.frame, now - last);
      last = now;
      requestAnimationFrame(each);
    });
  });
  const count = view.getByTestId("logs-count");
  await view.getByTestId("logs-table").hover();
  do {
    for (let step = 0; step < 20; step += 1) await page.mouse.wheel(0, 1_500);
  } while (/more as you scroll/.test(await count.innerText()));
  for (const key of ["Home", "End", "PageUp", "Home"]) await view.getByTestId("logs-table").press(key);
  const found = { ...(await frame().evaluate(() => window.longest)), rows: await count.innerText() };
  await page.context().close();
  return found;
}

const file = readFileSync(new URL("../../server/cf_aig_server/page/page.html", import.meta.url));
console.log(`page.html: ${gzipSync(file, { level: 9 }).length.toLocaleString("en")} bytes compressed`);
await script(async (started) => {
  const chrome = await browser(started);
  const [changed, many, runs] = await Promise.all(["changed", "many", "runs"].map((kind) => planted(started, kind)));
  const show = await chat(started, changed.db);
  const showRuns = await chat(started, runs.db);
  const drawn = {
    "overview in a chat": () => inChat(chrome, show, "summarize_logs", {}, "figure-calls"),
    "logs in a chat": () => inChat(chrome, show, "list_logs", {}, "log-row"),
    "a run in a chat": () => inChat(chrome, showRuns, "trace_run", { log_id: runs.ids.a_loop.at(-1) }, "waterfall"),
  };
  const own = await listening(started, "ui", "--local", changed.db);
  drawn["overview in a browser, from the address"] = () => inBrowser(chrome, own);
  for (const [what, measure] of Object.entries(drawn)) {
    const took = [];
    for (let round = 0; round < ROUNDS; round += 1) took.push(await measure());
    console.log(`${what}: ${Math.round(median(took))} ms to the first picture (${ROUNDS} rounds, longest ${Math.round(Math.max(...took))})`);
  }
  const { frame, task, rows } = await scrolled(chrome, await listening(started, "ui", "--local", many.db));
  console.log(`${rows}: longest frame ${Math.round(frame)} ms, longest task ${Math.round(task)} ms`);
});
