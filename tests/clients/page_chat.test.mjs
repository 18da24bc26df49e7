// The page in a chat: in a host of the extension, opened for a tool's result.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { browser, everywhere, innocent } from "./browser.mjs";
import { chat, eventually, figure, planted, said, wholeFile } from "./pages.mjs";

const file = wholeFile();
const options = { timeout: 60_000 };
let chrome, minutes, agents, show, showAgents;

before(async () => {
  [chrome, minutes, agents] = await Promise.all([browser(file), planted(file, "incidents"), planted(file, "runs")]);
  [show, showAgents] = await Promise.all([chat(file, minutes.db), chat(file, agents.db)]);
});

const idOf = (name, which = "it") => minutes.ids.incidents[name].ids[which];
const asked = (page) => page.evaluate(() => window.asked);

describe("each tool opens its own view", () => {
  const failed = () => idOf("an expired key");
  const opens = (tool, given, view, says) =>
    test(tool, options, async () => {
      const shown = await show(chrome, { tool, arguments: given() });
      await eventually(async () => assert.match(await said(shown.view.getByTestId(view)), says));
      assert.ok((await asked(shown.page)).calls.length > 0);
      await innocent(shown.page);
    });

  opens("summarize_logs", () => ({}), "view-overview", /Causes of failure.*unknown model/);
  opens("list_logs", () => ({ success: false }), "view-logs", /19 calls/);
  opens("get_log_details", () => ({ log_id: failed() }), "view-log", /Failed: bad key/);
  opens("get_log_request_body", () => ({ log_id: failed() }), "view-log", /Where is order 3391\?/);
  opens("get_log_response_body", () => ({ log_id: failed() }), "view-log", /Incorrect API key/);

  test("trace_run", options, async () => {
    const shown = await showAgents(chrome, { tool: "trace_run", arguments: { log_id: agents.ids.a_loop.at(-1) } });
    await shown.view.getByTestId("waterfall").waitFor();
    assert.equal(await shown.view.getByTestId("step-model").count(), agents.ids.a_loop.length);
    await innocent(shown.page);
  });
});

test("a view leads to the others", options, async () => {
  const { page, view } = await show(chrome, { tool: "summarize_logs", arguments: {} });
  assert.equal(await eventually(() => figure(view, "calls")), minutes.ids.totals.calls);
  await view.getByTestId("cause-example").first().click();
  await view.getByTestId("happened").waitFor();
  await view.getByTestId("open-run").click();
  await view.getByTestId("view-run").getByTestId("waterfall").or(view.getByTestId("notice-error")).first().waitFor();
  await view.getByTestId("tab-logs").click();
  await view.getByTestId("log-row").first().waitFor();
  await view.getByTestId("tab-overview").click();
  await view.getByTestId("figures").waitFor();
  await innocent(page);
});

for (const [name, span] of [["a latency of longer answers", "110m"], ["an outage behind a fallback", "110m"]]) {
  test(`${name} is seen in the overview`, options, async (t) => {
    const { db, ids } = await planted(t, "incidents", name);
    const { page, view } = await (await chat(t, db))(chrome, { tool: "summarize_logs", arguments: { start_date: span } });
    const { facts, misleading } = ids.incidents[name];
    await eventually(async () => {
      const text = await said(view.locator("body"));
      assert.deepEqual(facts.filter((fact) => !text.includes(fact)), []);
      assert.deepEqual(misleading.filter((words) => text.includes(words)), []);
    });
    await innocent(page);
  });
}

test("a host that denies calls shows what the tool told the chat", options, async () => {
  const { page, view } = await show(chrome, { tool: "get_log_details", arguments: { log_id: idOf("an expired key") }, denied: ["*"] });
  await view.getByTestId("told").getByText("Failed: bad key").waitFor();
  await view.getByTestId("notice-error").first().waitFor();
  await view.getByTestId("tab-overview").click();
  await view.getByTestId("view-overview").getByTestId("notice-error").waitFor();
  await innocent(page);
});

test("a call that is denied leaves what is shown", options, async () => {
  const { page, view } = await show(chrome, { tool: "get_log_details", arguments: { log_id: idOf("an expired key") }, denied: ["patch_log_feedback", "page_run", "compare_logs"] });
  await view.getByTestId("open-rate").click();
  await view.getByTestId("feedback-good").click();
  assert.ok(!(await asked(page)).calls.some(({ name }) => name === "patch_log_feedback"));
  await view.getByTestId("write-feedback").click();
  await view.getByTestId("rate").getByRole("alert").waitFor();
  await view.getByTestId("happened").getByText("Failed: bad key").waitFor();
  await view.getByTestId("open-run").click();
  await view.getByTestId("view-run").getByTestId("notice-error").waitFor();
  await view.getByTestId("back").click();
  await view.getByTestId("happened").getByText("Failed: bad key").waitFor();
  await innocent(page);
});

test("a question is put into the chat, as the person wrote it and no sooner", options, async () => {
  const { page, view } = await show(chrome, { tool: "get_log_details", arguments: { log_id: idOf("a guardrail block") } });
  await view.getByTestId("open-ask").click();
  await view.getByTestId("question").fill("Which guardrail was it?");
  assert.deepEqual((await asked(page)).messages, []);
  await view.getByTestId("send-question").click();
  await view.getByText("The chat has it.").waitFor();
  assert.deepEqual((await asked(page)).messages, [{ role: "user", content: [{ type: "text", text: "Which guardrail was it?" }] }]);
  await innocent(page);
});

test("it dresses as its host, and changes with it", options, async () => {
  const variables = { "--color-background-primary": "#101030", "--color-text-primary": "#f0f0ff" };
  const { page, frame, view } = await show(chrome, { tool: "summarize_logs", arguments: {}, context: { theme: "dark", styles: { variables }, locale: "de-DE" } });
  await view.getByTestId("figures").waitFor();
  const background = () => frame().evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await background(), "rgb(16, 16, 48)");
  assert.match(await view.getByTestId("figure-failed").innerText(), /34,5/); // as Germans write it
  await page.evaluate(() => window.changeContext({ theme: "light", styles: { variables: { "--color-background-primary": "#fefefe" } } }));
  await eventually(async () => assert.equal(await background(), "rgb(254, 254, 254)"));
  await innocent(page);
});

test("its host is told how high it is", options, async () => {
  const { page, frame, view } = await show(chrome, { tool: "summarize_logs", arguments: {} });
  await view.getByTestId("groups").waitFor();
  await eventually(async () => {
    const [height, wanted] = [await page.locator("iframe").evaluate(({ clientHeight }) => clientHeight), await frame().evaluate(() => document.documentElement.scrollHeight)];
    assert.ok(height >= wanted - 1 && height > 500, `${height} of ${wanted}`);
  });
  await innocent(page);
});

for (const [tool, given, settled] of [
  ["summarize_logs", {}, "figures"],
  ["list_logs", {}, "log-row"],
  ["get_log_details", null, "conversation"],
]) {
  test(`${tool}: it is read by keys and by a screen reader, light and dark, at any width`, { timeout: 120_000 }, async () => {
    const open = async ({ colorScheme }) => {
      const shown = await show(chrome, { tool, arguments: given ?? { log_id: idOf("a call repeated without success") }, context: { theme: colorScheme } }, { colorScheme });
      await shown.view.getByTestId(settled).first().waitFor();
      return shown;
    };
    await everywhere(open, tool);
  });
}
