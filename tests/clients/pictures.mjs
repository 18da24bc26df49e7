// Draws each view of planted logs into docs/pictures/: `make pictures`. Look at the pictures before you commit them.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { browser } from "./browser.mjs";
import { chat, logs, opened, openLog, planted, script } from "./pages.mjs";
import { listening } from "./program.mjs";

const folder = new URL("../../docs/pictures/", import.meta.url).pathname;
mkdirSync(folder, { recursive: true });

/** Draw a page once nothing in it is loading. */
async function draw({ page, view }, name) {
  await view.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
  console.log(`docs/pictures/${name}.png`);
}

await script(async (started) => {
  const chrome = await browser(started);
  const [changed, incidents, runs] = await Promise.all(["changed", "incidents", "runs"].map((kind) => planted(started, kind)));
  const at = (db) => listening(started, "ui", "--local", db);
  const size = { width: 1200, height: 860 };

  const overview = await at(changed.db);
  for (const colorScheme of ["light", "dark"]) {
    const shown = await opened(chrome, overview, { ...size, colorScheme });
    await shown.view.getByTestId("figure-calls").waitFor();
    await draw(shown, colorScheme === "light" ? "overview" : "overview-dark");
  }

  const day = await at(incidents.db);
  const table = await opened(chrome, day, size);
  await logs(table.view);
  await draw(table, "logs");

  const agent = await opened(chrome, await at(runs.db), { ...size, height: 700 });
  await logs(agent.view);
  await openLog(agent.view, runs.ids.a_retry[1]);
  await draw(agent, "log");
  await agent.page.setViewportSize({ ...size, height: 440 });
  await agent.view.getByTestId("open-run").click();
  await agent.view.getByTestId("waterfall").waitFor();
  await draw(agent, "run");

  const show = await chat(started, changed.db);
  const inChat = await show(chrome, { tool: "summarize_logs", arguments: {} }, { width: 760, height: 860 });
  await inChat.view.getByTestId("figure-calls").waitFor();
  await draw(inChat, "chat");
});
