// The table of logs in a browser, and one log: 24 recent incidents, and calls made while the table is open.
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";

import { browser, everywhere, innocent } from "./browser.mjs";
import { eventually, figure, logs, opened, openLog, planted, said, wholeFile } from "./pages.mjs";
import { account, folder, listening } from "./program.mjs";

const file = wholeFile();
const options = { timeout: 60_000 };
let chrome, minutes, url;

before(async () => {
  [chrome, minutes] = await Promise.all([browser(file), planted(file, "incidents")]);
  url = await listening(file, "ui", "--local", minutes.db);
});

async function table(given) {
  const shown = await opened(chrome, url, given);
  await logs(shown.view);
  return shown;
}

const idOf = (name, which = "it") => minutes.ids.incidents[name].ids[which];
const column = (view, name) => view.locator(`[data-testid=log-row] [data-column=${name}]`).allInnerTexts();

describe("the table", () => {
  test("has every call, and failed ones are plain at a glance", options, async () => {
    const { page, view } = await table();
    const { calls, failed } = minutes.ids.totals;
    await view.getByTestId("logs-count").getByText(`${calls} calls`).waitFor();
    await view.getByTestId("failed-only").check();
    await view.getByTestId("logs-count").getByText(`${failed} calls`).waitFor();
    await view.locator("[data-testid=log-row][data-ok=true]").first().waitFor({ state: "detached" });
    const rows = view.getByTestId("log-row");
    for (const row of await rows.all()) {
      await row.getByRole("img", { name: "failed" }).waitFor();
      assert.notEqual(await row.locator("[data-column=what]").innerText(), "");
    }
    await view.getByTestId("tab-overview").click();
    await eventually(async () => assert.equal(await figure(view, "failed"), 100));
    await innocent(page);
  });

  test("is sorted by a click on a column, either way", options, async () => {
    const { page, view } = await table();
    const milliseconds = (text) => (text === "–" ? 0 : parseFloat(text) * (text.endsWith("ms") ? 1 : text.endsWith("min") ? 60_000 : 1000));
    for (const [direction, sign] of [["descending", -1], ["ascending", 1]]) {
      await view.getByTestId("sort-seconds").click();
      await view.locator(`[role=columnheader][aria-sort=${direction}]`, { hasText: "Duration" }).waitFor();
      await view.locator("[data-testid=view-logs][aria-busy=false]").waitFor();
      const durations = (await column(view, "seconds")).map(milliseconds);
      assert.ok(durations.length > 10);
      assert.deepEqual(durations, durations.toSorted((one, other) => sign * (one - other)), direction);
    }
    await innocent(page);
  });

  test("is filtered by text, model and status", options, async () => {
    const { page, view } = await table();
    await view.getByTestId("filter-text").fill("retired");
    await view.getByTestId("logs-count").getByText(/^5 of the/).waitFor();
    assert.ok((await column(view, "model")).every((model) => model.includes("gpt-4o-2023-retired")));
    await view.getByTestId("filter-text").fill("");
    await view.getByTestId("filter-status").selectOption("402");
    await view.getByTestId("logs-count").getByText(/^1 of the/).waitFor();
    assert.match((await column(view, "what")).join(), /credit/);
    await view.getByTestId("filter-status").selectOption("");
    await view.getByTestId("filter-model").selectOption("openai/gpt-4o-mini");
    await view.getByTestId("logs-count").getByText("8 calls").waitFor();
    await innocent(page);
  });

  test("is walked by keys, to a log and back", options, async () => {
    const { page, view } = await table();
    const grid = view.getByTestId("logs-table");
    await grid.focus();
    await grid.press("Home");
    await grid.press("ArrowDown");
    const active = await view.locator("[data-testid=log-row][aria-selected=true]").getAttribute("data-log-id");
    await grid.press("Enter");
    await view.locator(`[data-testid=view-log][data-log-id="${active}"]`).waitFor();
    await view.getByTestId("view-log").press("Escape");
    await view.getByTestId("log-row").first().waitFor();
    await innocent(page);
  });

  test("is read by keys and by a screen reader, light and dark, at any width", { timeout: 120_000 }, async () => {
    await everywhere(table, "logs");
  });
});

for (const command of ["ui", "gateway"]) {
  test(`${command}: calls that are made while one looks appear by themselves`, options, async (t) => {
    const db = join(folder(t), "gateway.db");
    const gateway = await listening(t, "gateway", "--db", db);
    const say = async (content) => {
      const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content }] });
      const headers = { "content-type": "application/json", authorization: "Bearer sk-test" };
      const answer = await fetch(`${gateway}/v1/${account}/default/openai/chat/completions`, { method: "POST", headers, body });
      await answer.text();
      return answer.headers.get("cf-aig-log-id");
    };
    const first = await say("one");
    const { page, view } = await opened(chrome, command === "ui" ? await listening(t, "ui", "--local", db) : gateway);
    const row = (id) => view.locator(`[data-testid=log-row][data-log-id="${id}"]`);
    await view.getByTestId("tab-logs").click();
    await row(first).waitFor();
    const second = await say("[simulate: overloaded]");
    await row(second).waitFor({ timeout: 10_000 });
    assert.equal(await row(second).getAttribute("data-ok"), "false");
    assert.equal(await row(second).getAttribute("data-fresh"), "true");
    assert.equal(await row(second).getAttribute("aria-rowindex"), "2"); // the first below the head
    await innocent(page);
  });
}

describe("one log", () => {
  test("its row leads to it, what happened comes first, and a cause is told", options, async () => {
    const { page, view } = await table();
    const shown = await openLog(view, idOf("an expired key"));
    assert.match(await shown.getByTestId("happened").innerText(), /Failed: bad key[^]*401/);
    assert.match(await shown.getByTestId("happened").innerText(), /Incorrect API key/);
    assert.ok(!(await page.content()).includes("9f8Ga7bQ2x"));
    await innocent(page);
  });

  test("a step of a call leads to the step that failed before it", options, async () => {
    const { page, view } = await table();
    const shown = await openLog(view, idOf("a silent fallback"));
    const steps = shown.getByTestId("call-step");
    assert.deepEqual(await steps.evaluateAll((all) => all.map((step) => step.querySelector("[data-ok]").dataset.ok)), ["false", "true"]);
    assert.equal(await steps.nth(1).getAttribute("aria-current"), "step");
    assert.doesNotMatch(await shown.getByTestId("happened").innerText(), /Steps of this call/);
    await steps.first().click();
    await view.getByTestId("happened").getByText(/Failed: overloaded/).waitFor();
    await innocent(page);
  });

  test("turns are in order, tool calls are folded with their results beside them", options, async () => {
    const { page, view } = await table();
    const shown = await openLog(view, idOf("a call repeated without success"));
    const roles = await shown.getByTestId("turn").evaluateAll((turns) => turns.map((turn) => turn.dataset.role));
    assert.deepEqual(roles.slice(0, 3), ["system", "user", "assistant"]);
    assert.equal(roles.at(-1), "assistant");
    const call = shown.getByTestId("tool-call").first();
    await call.getByText("Arguments").waitFor({ state: "hidden" });
    await call.locator("summary").click();
    assert.match(await call.innerText(), /lookup_order[^]*Arguments[^]*Result[^]*order is required/);
    await innocent(page);
  });

  test("a stream is shown as assembled, and where it broke off", options, async () => {
    const { page, view } = await table();
    const shown = await openLog(view, idOf("a stream cut off"));
    assert.match(await shown.getByTestId("happened").innerText(), /stream broken/);
    const reply = await shown.getByTestId("turn").last().innerText();
    assert.match(reply, /^reply/i);
    assert.doesNotMatch(reply, /data: \{/);
    assert.match(await said(shown), /keeps every call/);
    await innocent(page);
  });

  test("a long body is shown raw in stretches, and as an outline", options, async () => {
    const { page, view } = await table();
    const shown = await openLog(view, idOf("a prompt over the window"));
    await shown.getByTestId("show-request").click();
    const raw = shown.getByTestId("raw-request");
    await raw.getByText(/^\s*\{"model"/).waitFor();
    const text = () => raw.locator("pre").evaluateAll((parts) => parts.map((part) => part.textContent).join(""));
    const first = (await text()).length;
    await raw.getByTestId("read-on").click();
    await raw.locator("pre").nth(1).waitFor();
    assert.ok((await text()).length > first);
    await raw.getByTestId("as-outline").click();
    await raw.getByText(/messages/).first().waitFor();
    await innocent(page);
  });

  test("a text is found in it, and the match leads to its place", options, async () => {
    const { page, view } = await table();
    const shown = await openLog(view, idOf("a prompt over the window"));
    await shown.getByTestId("search").fill("parcel 33300");
    await shown.getByTestId("search").press("Enter");
    await shown.getByTestId("search-count").getByText(/^1 of \d/).waitFor();
    const match = shown.getByTestId("match");
    assert.equal(await match.locator("mark").innerText(), "parcel 33300");
    await match.getByRole("button").click();
    await shown.getByTestId("raw-request").getByText("parcel 33300").first().waitFor();
    await innocent(page);
  });

  test("an id is copied", options, async () => {
    const { page, view } = await table();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(url).origin });
    const shown = await openLog(view, idOf("an expired key"));
    await shown.getByTestId("copy").first().click();
    await view.getByTestId("announcement").getByText("Copied the log's id").waitFor({ state: "attached" });
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), idOf("an expired key"));
    await innocent(page);
  });

  test("feedback is written by the click that names it alone", options, async () => {
    const { page, view } = await table();
    const writes = [];
    page.on("request", (asked) => asked.method() === "POST" && asked.postData()?.includes("patch_log_feedback") && writes.push(asked.postDataJSON().params.arguments));
    const shown = await openLog(view, idOf("a guardrail block"));
    await shown.getByTestId("open-rate").click();
    assert.ok(await shown.getByTestId("write-feedback").isDisabled());
    await shown.getByTestId("feedback-bad").click();
    await shown.getByTestId("score").fill("7");
    assert.deepEqual(writes, []);
    assert.equal(await shown.getByTestId("write-feedback").innerText(), "Write feedback -1 and score 7 to this log");
    await shown.getByTestId("write-feedback").click();
    await shown.getByText("Now: feedback -1, score 7").waitFor();
    assert.equal(writes.length, 1);
    assert.deepEqual({ feedback: writes[0].feedback, score: writes[0].score, log_id: writes[0].log_id }, { feedback: -1, score: 7, log_id: idOf("a guardrail block") });
    await innocent(page);
  });

  test("what the incidents are about is seen", { timeout: 120_000 }, async () => {
    const { page, view } = await table();
    const missing = [];
    for (const [name, { calls, facts, hidden, ids }] of Object.entries(minutes.ids.incidents)) {
      let text = "";
      const compared = calls.find(([tool]) => tool === "compare_logs");
      for (const which of compared ? ["0"] : looked(calls, ids)) {
        const row = await rowOf(view, ids[which]);
        const shown = await openLog(view, ids[which]);
        if (compared) text += await comparison(shown, ids["1"]);
        text += `${row} ${await said(shown)}`;
        for (const side of ["request", "response"]) {
          await shown.getByTestId(`show-${side}`).click();
          await shown.getByText("Reading the body…").waitFor({ state: "detached" });
          text += await said(shown);
        }
        await view.getByTestId("tab-logs").click();
      }
      text = text.replaceAll("\\\\", "\\").toLowerCase();
      missing.push(...facts.filter((fact) => !ELSEWHERE.includes(fact) && !text.includes(fact.toLowerCase())).map((fact) => `${name}: ${fact}`));
      missing.push(...hidden.filter((secret) => text.includes(secret.toLowerCase())).map(() => `${name} shows what is hidden`));
    }
    assert.deepEqual(missing, []);
    await innocent(page);
  });

  test("it is read by keys and by a screen reader, light and dark, at any width", { timeout: 120_000 }, async () => {
    const one = async (given) => {
      const shown = await table({ width: 1200, ...given });
      await openLog(shown.view, idOf("a call repeated without success"));
      for (const which of ["compare", "rate", "ask"]) await shown.view.getByTestId(`open-${which}`).click();
      await shown.view.getByTestId("tool-call").first().locator("summary").click();
      return shown;
    };
    await everywhere(one, "one log");
  });
});

/** Facts that only the tools' texts contain: how logged text is set apart, or a whole list's figures. */
const ELSEWHERE = ["data and not instructions", "p50", "p95", "service_tier flex"];

/** The logs that an incident's calls read. */
function looked(calls, ids) {
  const named = calls.flatMap(([, { log_id }]) => (log_id ? [log_id.slice(1, -1)] : []));
  return [...new Set(named.length ? named : Object.keys(ids).filter((which) => which !== "it"))];
}

async function rowOf(view, id) {
  await view.getByTestId("filter-text").fill(id);
  return view.locator(`[data-testid=log-row][data-log-id="${id}"]`).innerText();
}

async function comparison(shown, other) {
  await shown.getByTestId("open-compare").click();
  await shown.getByTestId("compare-id").fill(other);
  await shown.getByTestId("compare-go").click();
  await shown.page().frameLocator("iframe").getByTestId("compare").getByText(/differences?/i).first().waitFor();
  return said(shown.page().frameLocator("iframe").getByTestId("compare"));
}
