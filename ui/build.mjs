/** Builds the page and its thin host, each as one HTML file that loads nothing else. */

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const UI = fileURLToPath(new URL(".", import.meta.url));
const ROOT = join(UI, "..");
const OUT = join(ROOT, "server", "cf_aig_server", "page");
const PAGES = { page: "src/page/main.tsx", host: "src/host/main.ts" };
const MOST = 200_000; // maximum bytes of a page, compressed

/** What each page may do: only run its own script and style. The host may also call its own server. */
const POLICY = {
  page: ["default-src 'none'", "base-uri 'none'", "form-action 'none'"],
  host: ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "connect-src 'self'", "frame-src 'self'"],
};

/** SHA-256 over the paths and contents of both pages' sources. */
async function sources() {
  const held = (await readdir(join(UI, "src"), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const paths = [...held, ...["package.json", "tsconfig.json", "build.mjs"].map((name) => join(UI, name))]
    .map((path) => relative(ROOT, path).split(sep).join("/"))
    .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  const hash = createHash("sha256");
  for (const path of paths) hash.update(`${path}\0`).update(await readFile(join(ROOT, path))).update("\0");
  return hash.digest("hex");
}

async function bundled(entry) {
  const { outputFiles } = await build({
    absWorkingDir: UI,
    entryPoints: [entry],
    outdir: "out",
    bundle: true,
    minify: true,
    write: false,
    charset: "utf8",
    format: "iife",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
  });
  const text = (end) => outputFiles.find((file) => file.path.endsWith(end)).text.trim();
  return { script: text(".js"), style: text(".css") };
}

const allowed = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

function html(name, { script, style }, hash) {
  if (/<!--|<\/script/i.test(script) || /<\//.test(style)) throw new Error(`${name}: text that would end its own tag`);
  const policy = [...POLICY[name], `script-src ${allowed(script)}`, `style-src ${allowed(style)}`];
  policy.push("require-trusted-types-for 'script'", "trusted-types 'none'");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy.join("; ")}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>AI Gateway logs</title>
<style>${style}</style>
</head>
<body>
<noscript>This page needs JavaScript.</noscript>
<script>${script}</script>
</body>
</html>
<!-- sources: ${hash} -->
`;
}

const hash = await sources();
await mkdir(OUT, { recursive: true });
for (const [name, entry] of Object.entries(PAGES)) {
  const page = html(name, await bundled(entry), hash);
  const size = gzipSync(page, { level: 9 }).length;
  if (size > MOST) throw new Error(`${name}.html has ${size} bytes compressed; at most ${MOST} are meant`);
  await writeFile(join(OUT, `${name}.html`), page);
  console.log(`${name}.html: ${(page.length / 1024).toFixed(1)} KB, ${(size / 1024).toFixed(1)} KB compressed`);
}
