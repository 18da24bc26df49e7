// A run in a browser: agents that loop, fork, retry, start another agent and compact their history.
import assert from "node:assert/strict";
import { before, test } from "node:test";

import { browser, everywhere, innocent } from "./browser.mjs";
import { logs, opened, openLog, planted, said, wholeFile } from "./pages.mjs";
import { listening } from "./program.mjs";

const file = wholeFile();
const options = { timeout: 60_000 };
let chrome, agents, url;

before(async () => {
  [chrome, agents] = await Promise.all([browser(file), planted(file, "runs")]);
  url = await listening(file, "ui", "--local", agents.db);
});

/** Go from the last log of a run to the run. */
async function run(name, given) {
  const shown = await opened(chrome, url, given);
  await logs(shown.view);
  await openLog(shown.view, agents.ids[name].at(-1));
  await shown.view.getByTestId("open-run").click();
  await shown.view.getByTestId("waterfall").waitFor();
  return shown;
}

const models = (view) => view.getByTestId("step-model");

test("steps stand in order, models apart from tools, each as long as it took", options, async () => {
  const { page, view } = await run("a_loop");
  assert.equal(await models(view).count(), agents.ids.a_loop.length);
  assert.equal(await view.getByTestId("step-tool").count(), agents.ids.a_loop.length - 1);
  assert.match(await view.getByTestId("step-tool").first().innerText(), /run_tests/);
  const bars = await models(view).evaluateAll((steps) =>
    steps.map((step) => step.querySelector(".took").getBoundingClientRect()).map(({ left, width }) => ({ left, width })),
  );
  assert.deepEqual(bars.map(({ left }) => left), bars.map(({ left }) => left).toSorted((one, other) => one - other));
  for (const { width } of bars) assert.ok(width > 0 && Math.abs(width - bars[0].width) < 1); // each took two seconds
  await innocent(page);
});

test("a loop is marked, and its finding leads to its steps", options, async () => {
  const { page, view } = await run("a_loop");
  const finding = view.getByTestId("findings").locator("[data-mark=loop]").first();
  await finding.waitFor();
  assert.match(await finding.innerText(), /same tool call 39 times[^]*step 12[^]*and 27 more/);
  await models(view).locator("[data-mark=loop]").first().waitFor();
  await finding.getByTestId("finding-step").last().click();
  assert.ok(await view.locator("button.step:focus").count());
  await innocent(page);
});

test("a failure and its retry are marked, and a step leads to its log", options, async () => {
  const { page, view } = await run("a_retry");
  const failed = models(view).nth(1);
  assert.equal(await failed.getAttribute("data-alarm"), "true");
  assert.match(await failed.innerText(), /failed/);
  assert.match(await models(view).nth(2).innerText(), /retry/);
  await failed.getByRole("button").click();
  await view.locator(`[data-testid=view-log][data-log-id="${agents.ids.a_retry[1]}"]`).getByTestId("happened").waitFor();
  await innocent(page);
});

for (const [name, link] of [["a_sub_agent", /sub-agent/], ["a_compaction", /compacted/], ["a_fork", /fork/]]) {
  test(`${name}: what a step goes on from is told`, options, async () => {
    const { page, view } = await run(name);
    assert.equal(await models(view).count(), agents.ids[name].length);
    assert.match(await said(view.getByTestId("waterfall")), link);
    await innocent(page);
  });
}

test("it is read by keys and by a screen reader, light and dark, at any width", { timeout: 120_000 }, async () => {
  await everywhere((given) => run("a_sub_agent", given), "a run");
});
