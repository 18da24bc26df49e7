/** The MCP server of this origin over Streamable HTTP, one request per call: protocol 2026-07-28 has no sessions. */

import { type Params, RpcError, isObject } from "../wire/peer";

const VERSION = "2026-07-28";
const META = "io.modelcontextprotocol";
const ENVELOPE = {
  [`${META}/protocolVersion`]: VERSION,
  [`${META}/clientInfo`]: { name: "cloudflare-ai-gateway-page", version: "1" },
  [`${META}/clientCapabilities`]: { extensions: { [`${META}/ui`]: { mimeTypes: ["text/html;profile=mcp-app"] } } },
};

export class Server {
  private last = 0;

  constructor(private readonly token: string) {}

  async request(method: string, params: Params): Promise<Params> {
    const id = ++this.last;
    const response = await this.fetch(method, typeof params["name"] === "string" ? params["name"] : "", {
      jsonrpc: "2.0",
      id,
      method,
      params: { ...params, _meta: ENVELOPE },
    });
    const message = isStream(response) ? await answerIn(response, id) : await parsed(response);
    if (isObject(message["result"])) return message["result"];
    const error = isObject(message["error"]) ? message["error"] : {};
    throw new RpcError(String(error["message"] ?? `The server answered ${response.status}.`), Number(error["code"] ?? -32603));
  }

  private async fetch(method: string, name: string, body: object): Promise<Response> {
    const headers = new Headers({
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-protocol-version": VERSION,
      "mcp-method": method,
    });
    if (name) headers.set("mcp-name", name);
    if (this.token) headers.set("authorization", `Bearer ${this.token}`);
    let response: Response;
    try {
      response = await fetch("/mcp", { method: "POST", headers, body: JSON.stringify(body), credentials: "omit" });
    } catch {
      throw new RpcError("The server does not answer. Is it still running?");
    }
    if (response.status === 401) throw new RpcError("The server wants its token: open the address that it printed, with #token=…");
    return response;
  }
}

function isStream(response: Response): boolean {
  return (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
}

async function parsed(response: Response): Promise<Params> {
  const text = await response.text();
  try {
    const message: unknown = JSON.parse(text);
    if (isObject(message)) return message;
  } catch {
    // reported below
  }
  throw new RpcError(`The server answered ${response.status}: ${text.trim().slice(0, 200)}`);
}

/** Returns the answer from an event stream, ignoring notifications before it. */
async function answerIn(response: Response, id: number): Promise<Params> {
  for (const event of (await response.text()).split(/\r?\n\r?\n/)) {
    const data = event.split(/\r?\n/).flatMap((line) => (line.startsWith("data:") ? [line.slice(5).trimStart()] : []));
    if (!data.length) continue;
    const message: unknown = JSON.parse(data.join("\n"));
    if (isObject(message) && message["id"] === id) return message;
  }
  throw new RpcError("The server ended its answer early.");
}
