// Markup, scripts, links and worse in every place that text comes from: none of it acts, and all is shown verbatim.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { browser, fits, innocent } from "./browser.mjs";
import { chat, eventually, logs, opened, openLog, planted, said, wholeFile } from "./pages.mjs";
import { freePort, listening, started } from "./program.mjs";

const file = wholeFile();
const options = { timeout: 120_000 };
const server = new URL("hostile_account.py", import.meta.url).pathname;
let chrome, corpus, url;

before(async () => {
  [chrome, corpus] = await Promise.all([browser(file), planted(file, "hostile")]);
  url = await listening(file, "ui", "--local", corpus.db);
});

/** Report, in every frame, when anything of the corpus runs. */
async function trapped(open) {
  const shown = await open();
  const { page } = shown;
  await page.addInitScript(() => Object.defineProperty(globalThis, "canary", { set: () => console.error("the canary: logged text ran") }));
  await page.reload();
  page.home = page.url();
  return shown;
}

const ours = () => trapped(() => opened(chrome, url));

/** Check that a view shows only text: no element made by logged text, nothing that covers, sticks out or leads away. */
async function harmless({ page, frame }, where) {
  const made = await frame().evaluate(() => {
    const wrong = [];
    for (const each of document.querySelectorAll("*")) {
      if (/^(a|iframe|object|embed|img|video|audio|base|form[action]|link|meta|marquee|math|foreignobject)$/i.test(each.localName) && !each.closest("head")) wrong.push(each.outerHTML.slice(0, 150));
      for (const { name, value } of each.attributes) {
        if (/^on/i.test(name) || (/^(href|src|srcdoc|action|formaction|ping|xlink:href)$/i.test(name) && !value.startsWith("#"))) wrong.push(`${each.localName} ${name}=${value.slice(0, 100)}`);
      }
    }
    return wrong;
  });
  assert.deepEqual(made, [], where);
  for (const width of [1200, 320]) {
    await page.setViewportSize({ width, height: 900 });
    await frame().evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    await fits(frame(), `${where}, ${width} px`);
  }
  await page.setViewportSize({ width: 1200, height: 900 });
  assert.equal(page.url(), page.home, where);
  assert.deepEqual(page.faults, [], where);
}

/** Click whatever opens, so that folded text is drawn as well. */
async function unfold(shown) {
  await shown.evaluate((view) => view.querySelectorAll("details").forEach((each) => (each.open = true)));
}

describe("in a file of logs", () => {
  test("the overview, by whatever groups there are", options, async () => {
    const shown = await ours();
    const { page, view } = shown;
    await view.getByTestId("figures").waitFor();
    for (const by of await view.getByTestId("group-by").locator("option").evaluateAll((all) => all.map(({ value }) => value))) {
      await view.getByTestId("group-by").selectOption(by);
      await view.locator("[data-testid=view-overview][aria-busy=false]").waitFor();
      await harmless(shown, `by ${by}`);
    }
    await view.getByTestId("group-by").selectOption("model");
    const narrowing = view.locator("[data-testid=group][data-narrows=true]");
    await narrowing.last().getByRole("button").click();
    await view.getByTestId("chip").filter({ visible: true }).waitFor();
    await harmless(shown, "narrowed to a model");
    await innocent(page);
  });

  test("the table of logs, to its end", options, async () => {
    const shown = await ours();
    await logs(shown.view);
    await harmless(shown, "the first rows");
    const grid = shown.view.getByTestId("logs-table");
    for (let page = 0; page < 8; page += 1) {
      await grid.press("PageDown");
      await harmless(shown, `page ${page}`);
    }
    await innocent(shown.page);
  });

  test("single logs of every wire format, with all that they hold", { timeout: 180_000 }, async () => {
    const shown = await ours();
    const { page, view } = shown;
    for (const id of corpus.ids.logs.slice(0, 12)) {
      await logs(view);
      const log = await openLog(view, id);
      await unfold(log);
      await harmless(shown, id);
      for (const side of ["request", "response"]) {
        await log.getByTestId(`show-${side}`).click();
        await log.getByText("Reading the body…").waitFor({ state: "detached" });
        for (const which of ["as-outline", "as-raw"]) {
          await log.getByTestId(which).click();
          await harmless(shown, `${id}, ${side} ${which}`);
        }
      }
      await log.getByTestId("open-compare").click();
      await log.getByTestId("compare-id").fill(corpus.ids.logs[20]);
      await log.getByTestId("compare-go").click();
      await view.getByTestId("compare").getByText(/differences?/i).first().waitFor();
      await harmless(shown, `${id}, compared`);
    }
    await innocent(page);
  });

  test("a run of tools with such names, arguments and results", options, async () => {
    const shown = await ours();
    const { page, view } = shown;
    await logs(view);
    await openLog(view, corpus.ids.run.at(-1));
    await view.getByTestId("open-run").click();
    await view.getByTestId("waterfall").waitFor();
    await harmless(shown, "the run");
    await innocent(page);
  });

  test("each text is shown as it is, or with what hides in it made visible", options, async () => {
    const shown = await ours();
    const { page, view } = shown;
    await logs(view);
    const log = await openLog(view, corpus.ids.markup);
    await unfold(log);
    const drawn = await log.getByTestId("conversation").evaluate((box) => [...box.querySelectorAll("pre")].map((each) => each.textContent));
    const hidden = /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;
    const expected = corpus.ids.texts.filter((text) => !hidden.test(text) && text.length < 400 && !text.includes("\t"));
    assert.ok(expected.length > 35);
    assert.deepEqual(expected.filter((text) => !drawn.includes(text)), []);
    assert.ok(!drawn.some((text) => hidden.test(text)), "characters that no one sees");
    assert.ok(drawn.some((text) => text.includes("\\u{202e}evil")));
    await harmless(shown, "all texts");
    await innocent(page);
  });

  test("a press on what looks like a link or a button leads nowhere", options, async () => {
    const shown = await ours();
    const { page, view } = shown;
    await logs(view);
    const log = await openLog(view, corpus.ids.markup);
    await unfold(log);
    for (const lure of (await log.locator("pre").filter({ hasText: /press me|onmouseover|javascript:/ }).all()).slice(0, 12)) {
      await lure.scrollIntoViewIfNeeded();
      await lure.hover();
      await lure.click();
      await lure.click({ button: "middle" });
    }
    await harmless(shown, "after presses");
    await innocent(page);
  });

  for (const which of ["line", "nested"]) {
    test(`a log of ${which === "line" ? "lines of 2 MB" : "lists and objects 400 deep"}`, options, async () => {
      const shown = await ours();
      const { page, view } = shown;
      await logs(view);
      const log = await openLog(view, corpus.ids[which]);
      await unfold(log);
      await harmless(shown, "the conversation");
      for (const more of await log.getByTestId("show-more").all()) await more.click();
      for (const side of ["request", "response"]) {
        await log.getByTestId(`show-${side}`).click();
        await log.getByText("Reading the body…").waitFor({ state: "detached" });
        await harmless(shown, `${side}, raw`);
        const more = log.getByTestId("read-on");
        if (await more.isVisible()) {
          await eventually(async () => {
            if (await more.isVisible()) await more.click({ timeout: 1_000 }); // one press in many runs did nothing, for an unknown reason
            await log.locator("pre").nth(1).or(log.getByTestId("notice-error")).first().waitFor({ timeout: 3_000 });
          });
        }
        assert.deepEqual(await log.getByTestId("notice-error").allInnerTexts(), []);
        await log.getByTestId("as-outline").click();
        await log.getByText("Reading the body…").waitFor({ state: "detached" });
        await harmless(shown, `${side}, outline`);
      }
      await innocent(page);
    });
  }
});

for (const refused of [[], ["refused"]]) {
  test(`in every answer of an account${refused.length ? " that refuses" : ""}, names of gateways and errors among them`, options, async (t) => {
    const port = await freePort();
    const account = await started(t, port, server, String(port), ...refused);
    const told = { CLOUDFLARE_ACCOUNT_ID: "0".repeat(32), CLOUDFLARE_API_TOKEN: "t", CLOUDFLARE_BASE_URL: `${account}/client/v4`, AI_GATEWAY_BASE_URL: `${account}/v1` };
    const own = Object.fromEntries(Object.keys(told).map((name) => [name, process.env[name]]));
    Object.assign(process.env, told);
    const page = await listening(t, "ui");
    for (const [name, value] of Object.entries(own)) value === undefined ? delete process.env[name] : (process.env[name] = value);
    const shown = await trapped(() => opened(chrome, page));
    const { view } = shown;
    await view.locator("[data-testid=view-overview][aria-busy=false]").waitFor();
    await harmless(shown, "the overview");
    await view.getByTestId("tab-logs").click();
    await view.locator("[data-testid=view-logs][aria-busy=false]").waitFor();
    await harmless(shown, "the logs");
    if (refused.length) {
      await view.getByTestId("view-logs").getByTestId("notice-error").waitFor();
    } else {
      await view.getByTestId("log-row").first().click();
      await view.locator("[data-testid=view-log][aria-busy=false]").waitFor();
      await unfold(view.getByTestId("view-log"));
      await harmless(shown, "one log");
      await view.getByTestId("open-run").click();
      await view.locator("[data-testid=view-run][aria-busy=false]").waitFor();
      await harmless(shown, "its run");
    }
    await innocent(shown.page);
  });
}

test("in a chat too: what the tool told, and what the page shows", options, async (t) => {
  const show = await chat(t, corpus.db);
  for (const [tool, given] of [
    ["summarize_logs", {}],
    ["list_logs", {}],
    ["get_log_details", { log_id: corpus.ids.markup }],
    ["trace_run", { log_id: corpus.ids.run.at(-1) }],
  ]) {
    for (const denied of [[], ["*"]]) {
      const shown = await show(chrome, { tool, arguments: given, denied });
      shown.page.home = shown.page.url();
      await shown.view.locator("[aria-busy=false]").first().waitFor();
      await eventually(async () => assert.ok((await said(shown.view.locator("body"))).length > 200));
      await unfold(shown.view.locator("body"));
      await harmless(shown, `${tool}${denied}`);
      await innocent(shown.page);
    }
  }
});
