// Serves the reference host and, on another port, its sandbox; `/mcp` of the host leads to the server under test.
import { createServer, request as ask } from "node:http";

import { build } from "esbuild";

const here = new URL(".", import.meta.url).pathname;
const style = "html, body { margin: 0; height: 100% } iframe { display: block; border: 0; width: 100%; min-height: 100% }";

async function bundled(name) {
  const { outputFiles } = await build({ entryPoints: [here + name], bundle: true, format: "iife", write: false, logLevel: "error" });
  return outputFiles[0].text.replaceAll("</script", "<\\/script");
}

const html = (title, script) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><style>${style}</style><body><script>${script}</script>`;

/** The policy that the extension prescribes for a page's metadata. */
function policy({ connectDomains = [], resourceDomains = [], frameDomains = [], baseUriDomains = [] }) {
  const from = (...sources) => (sources.length ? sources.join(" ") : "'none'");
  const inline = ["'self'", "'unsafe-inline'", ...resourceDomains];
  return [
    "default-src 'none'",
    `script-src ${from(...inline)}`,
    `style-src ${from(...inline)}`,
    `img-src ${from("'self'", "data:", ...resourceDomains)}`,
    `font-src ${from("'self'", "data:", ...resourceDomains)}`,
    `media-src ${from("'self'", "data:", ...resourceDomains)}`,
    `connect-src ${from(...connectDomains)}`,
    `frame-src ${from("'self'", ...frameDomains)}`, // 'self': the inner frame
    `base-uri ${from(...baseUriDomains)}`,
    "object-src 'none'",
  ].join("; ");
}

/** Start both servers; returns their addresses. They are stopped after the test. */
export async function referenceHost(test, server) {
  const [host, sandbox] = await Promise.all([bundled("host.mjs"), bundled("sandbox.mjs")]);
  const hosting = await listening(test, (asked, answer) => {
    if (asked.url === "/mcp") return forward(server, asked, answer);
    answer.writeHead(asked.url === "/" ? 200 : 204, { "content-type": "text/html" }).end(asked.url === "/" ? html("host", host) : "");
  });
  const sandboxed = await listening(test, (asked, answer) => {
    const csp = new URL(asked.url, "http://127.0.0.1").searchParams.get("csp");
    const headers = { "content-type": "text/html", "content-security-policy": policy(JSON.parse(csp ?? "{}")) };
    answer.writeHead(200, headers).end(html("sandbox", sandbox));
  });
  return { host: hosting, sandbox: sandboxed };
}

async function listening(test, handle) {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  test.after(() => new Promise((closed) => (server.close(closed), server.closeAllConnections())));
  return `http://127.0.0.1:${server.address().port}/`;
}

/** Forward a request as a program would send it: without an origin. */
function forward(server, asked, answer) {
  const { origin, referer, host, ...headers } = asked.headers;
  const onward = ask(`${server}/mcp`, { method: asked.method, headers }, (came) => {
    answer.writeHead(came.statusCode, came.headers);
    came.pipe(answer);
  });
  onward.on("error", () => answer.destroy());
  answer.on("close", () => onward.destroy());
  asked.pipe(onward);
}
