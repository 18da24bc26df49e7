// The overview in a browser: a day with four incidents, and 25 incidents of minutes.
import assert from "node:assert/strict";
import { before, test } from "node:test";

import { browser, everywhere, innocent } from "./browser.mjs";
import { eventually, figure, opened, planted, wholeFile } from "./pages.mjs";
import { listening } from "./program.mjs";

const file = wholeFile();
const options = { timeout: 60_000 };
let chrome, day, url;

before(async () => {
  [chrome, day] = await Promise.all([browser(file), planted(file, "changed")]);
  url = await listening(file, "ui", "--local", day.db);
});

/** Open the overview, and wait for its figures. */
async function overview(given) {
  const shown = await opened(chrome, url, given);
  await shown.view.getByTestId("figures").waitFor();
  return shown;
}

const near = (shown, expected, most, what) => assert.ok(Math.abs(shown - expected) <= most, `${what}: ${shown} instead of ${expected}`);

test("figures are those of the last day", options, async () => {
  const { page, view } = await overview();
  const { calls, failed, cost } = day.ids.totals;
  near(await figure(view, "calls"), calls, calls / 100, "calls"); // the span moves on while the page opens
  near(await figure(view, "failed"), (100 * failed) / calls, 0.2, "percent failed");
  near(await figure(view, "cost"), cost, cost / 50, "dollars");
  await innocent(page);
});

test("each change is marked at its minute, beside its model", options, async () => {
  const { page, view } = await overview();
  const marks = view.getByTestId("mark");
  const found = Object.fromEntries(
    await Promise.all((await marks.all()).map(async (mark) => [await mark.innerText(), Date.parse(await mark.locator("time").getAttribute("datetime")) / 1000])),
  );
  for (const [model, { at, says }] of Object.entries(day.ids.incidents)) {
    const text = Object.keys(found).find((each) => each.includes(model));
    assert.ok(text, `${model} has no mark`);
    assert.match(text, new RegExp(says));
    near(found[text], at, 300, `seconds of ${model}`);
  }
  assert.equal(await marks.count(), Object.keys(day.ids.incidents).length);
  await innocent(page);
});

test("the table of a chart says what the chart draws", options, async () => {
  const { page, view } = await overview();
  const calls = await figure(view, "calls");
  await view.getByTestId("table-calls").click();
  const rows = view.getByTestId("chart-calls").locator("tbody tr");
  const sums = await rows.evaluateAll((all) => all.map((row) => [...row.querySelectorAll("td")].reduce((sum, cell) => sum + Number(cell.textContent.replace(",", "")), 0)));
  assert.equal(sums.reduce((sum, one) => sum + one, 0), calls);
  await innocent(page);
});

test("a click on a group narrows to it, and its chip goes back", options, async () => {
  const { page, view } = await overview();
  const all = await figure(view, "calls");
  const group = view.getByTestId("group").filter({ hasText: "openai/gpt-4o-mini" });
  const calls = Number((await group.locator("td").first().innerText()).replace(/\D/g, ""));
  await group.getByRole("button").click();
  const chip = view.getByTestId("chip").filter({ hasText: "openai/gpt-4o-mini", visible: true });
  await chip.waitFor();
  await eventually(async () => near(await figure(view, "calls"), calls, 9, "calls of the group"));
  await chip.click();
  await eventually(async () => near(await figure(view, "calls"), all, 9, "calls of all"));
  await innocent(page);
});

test("a span that is dragged over narrows to it, by mouse and by keys", options, async () => {
  const { page, view } = await overview();
  const all = await figure(view, "calls");
  const surface = view.getByTestId("chart-calls").getByRole("slider");
  const { x, y, width, height } = await surface.boundingBox();
  await page.mouse.move(x + width * 0.4, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.6, y + height / 2, { steps: 5 });
  await page.mouse.up();
  await eventually(async () => near(await figure(view, "calls"), all / 5, all / 25, "calls of a fifth of the day"));

  await view.getByTestId("span-reset").click();
  await eventually(async () => near(await figure(view, "calls"), all, 9, "calls of the day"));
  await surface.press("End");
  for (let step = 0; step < 6; step += 1) await surface.press("Shift+ArrowLeft");
  await surface.press("Enter");
  await view.getByTestId("span-reset").waitFor();
  await eventually(async () => near(await figure(view, "calls"), all / 20, all / 30, "calls of the last hour or so"));
  await innocent(page);
});

test("groups are by whatever is chosen", options, async () => {
  const { page, view } = await overview();
  await view.getByTestId("group-by").selectOption("provider");
  for (const provider of ["openai", "anthropic", "google-ai-studio", "workers-ai", "grok"]) {
    await view.getByTestId("groups").getByText(provider, { exact: true }).waitFor();
  }
  await view.getByTestId("group-by").selectOption("status");
  for (const status of ["503", "429", "200"]) await view.getByTestId("groups").getByText(status, { exact: true }).waitFor();
  await innocent(page);
});

test("the day before stands beside", options, async () => {
  const { page, view } = await overview();
  await view.getByTestId("compare-to").check();
  await view.getByTestId("group").filter({ hasText: "openai/gpt-4o" }).first().getByText(/^was /).first().waitFor();
  assert.match(await view.getByTestId("figure-cost").innerText(), /▲ \+\d+/);
  await view.getByTestId("chart-calls").getByText("before").waitFor();
  await innocent(page);
});

test("a cause leads to the calls that failed, and to an example", options, async () => {
  const { page, view } = await overview();
  const causes = view.getByTestId("cause");
  assert.match(await causes.first().innerText(), /overloaded[^]*The server is overloaded/);
  assert.match(await causes.nth(1).innerText(), /rate limited by provider[^]*Rate limit reached/);
  const counts = await causes.evaluateAll((all) => all.map((cause) => Number(cause.querySelector("b").textContent.replace(/\D/g, ""))));
  near(counts.reduce((sum, one) => sum + one, 0), day.ids.totals.failed, day.ids.totals.failed / 50, "failures of all causes");

  await causes.first().getByTestId("cause-example").click();
  await view.getByTestId("view-log").getByText("overloaded").first().waitFor();
  await view.getByTestId("back").click();
  await causes.first().getByRole("button").first().click();
  await view.getByTestId("log-row").first().waitFor();
  assert.ok(await view.getByTestId("failed-only").isChecked());
  assert.equal(await view.locator("[data-testid=log-row][data-ok=true]").count(), 0);
  await innocent(page);
});

test("it is read by keys and by a screen reader, light and dark, at any width", { timeout: 120_000 }, async () => {
  await everywhere(overview, "overview");
});
