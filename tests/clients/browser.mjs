// Debian's Chromium, watched: a test fails if the page logs, requests or does anything against its policy.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/** Start Chromium; it ends after the test. */
export async function browser(test) {
  assert.ok(existsSync(executablePath), `${executablePath} is missing: install Debian's package chromium (apt-get install chromium), or set CHROMIUM to a browser's path.`);
  const started = await chromium.launch({ executablePath, args, headless: true });
  test.after(() => started.close());
  return started;
}

/** Open a page that may only reach `origins`. `page.faults` lists what it did that our pages must not do. */
export async function watched(chrome, { origins, width = 1200, height = 900, ...options }) {
  const context = await chrome.newContext({ viewport: { width, height }, locale: "en-US", timezoneId: "UTC", ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.faults = [];
  const fault = (said) => page.faults.push(said);
  page.on("console", (line) => ["error", "warning"].includes(line.type()) && fault(`console: ${line.text()}`));
  page.on("pageerror", (error) => fault(`exception: ${error.stack ?? error}`));
  page.on("crash", () => fault("the page crashed"));
  context.on("page", () => fault("a new window"));
  page.on("dialog", (dialog) => (fault(`a dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on("download", () => fault("a download"));
  await context.route(
    (url) => !origins.includes(url.origin),
    (route) => (fault(`request: ${route.request().url().slice(0, 300)}`), route.abort()),
  );
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) => {
      console.error(`policy: ${violatedDirective} ${blockedURI} ${sample}`);
    });
  });
  return page;
}

/** Check that a page did nothing wrong, and close it. */
export async function innocent(page) {
  await page.context().close();
  assert.deepEqual(page.faults, []);
}

/** Check that the accessibility checker finds nothing serious or critical in a frame. */
export async function accessible(frame, where) {
  await frame.evaluate(axe);
  const { violations } = await frame.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const told = grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 200)} (${any[0]?.message})`).slice(0, 5).join(" | ")}`);
  assert.deepEqual(told, [], where);
}

/** Check that a frame is no wider than its window; names the elements that stick out. */
export async function fits(frame, where) {
  const wide = await frame.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const out = [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > clientWidth + 1);
    return [`${scrollWidth} of ${clientWidth} px`, ...out.slice(0, 8).map((each) => each.outerHTML.slice(0, 120))];
  });
  assert.deepEqual(wide, [], where);
}

/** Check that a view, which `open` opens, fits windows from 320 to 1,600 px and is accessible, light and dark. */
export async function everywhere(open, name) {
  for (const colorScheme of ["light", "dark"]) {
    const { page, frame } = await open({ colorScheme });
    for (const width of [1600, 1200, 768, 320]) {
      await page.setViewportSize({ width, height: 900 });
      await frame().evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      await fits(frame(), `${name}, ${colorScheme}, ${width} px`);
      if (width !== 768) await accessible(frame(), `${name}, ${colorScheme}, ${width} px`);
    }
    await innocent(page);
  }
}
