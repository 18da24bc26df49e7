// Official MCP clients complete the debugging workflow on every transport.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";

import { Client, SSEClientTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as SSEv1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HTTPv1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { folder, listening, python } from "./program.mjs";

const TOOLS = [
  "list_gateways",
  "summarize_logs",
  "find_waste",
  "list_logs",
  "get_log_details",
  "get_log_request_body",
  "get_log_response_body",
  "search_bodies",
  "compare_logs",
  "trace_run",
  "patch_log_feedback",
  "chat_via_gateway",
  "replay_log",
];
const info = { name: "clients", version: "1" };
const v2 = { stdio: StdioClientTransport, http: StreamableHTTPClientTransport, sse: SSEClientTransport };
const v1 = { stdio: StdioV1, http: HTTPv1, sse: SSEv1 };
const clients = [
  ["v1", () => new ClientV1(info), v1],
  ["v2 legacy", () => new Client(info, { versionNegotiation: { mode: "legacy" } }), v2],
  ["v2 auto", () => new Client(info, { versionNegotiation: { mode: "auto" } }), v2],
  ["v2 pinned", () => new Client(info, { versionNegotiation: { mode: { pin: "2026-07-28" } } }), v2],
];

async function transport(t, kind, Transport) {
  const local = ["--local", join(folder(t), "gateway.db")];
  if (kind === "stdio") return new Transport({ command: python, args: ["-m", "cf_aig_server", "serve", ...local] });
  const url = await listening(t, "serve", "--transport", kind, ...local);
  return new Transport(new URL(kind === "http" ? `${url}/mcp` : `${url}/sse`));
}

async function workflow(client) {
  const call = async (name, given) => {
    const result = await client.callTool({ name, arguments: { gateway_id: "default", ...given } });
    assert.ok(!result.isError, result.content[0].text);
    return result;
  };
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name), TOOLS);
  const failed = await client.callTool({
    name: "chat_via_gateway",
    arguments: { model: "openai/gpt-4o", prompt: "[simulate: overloaded]" },
  });
  assert.ok(failed.isError);
  const errors = await call("list_logs", { success: false, per_page: 10 });
  const log_id = errors.structuredContent.rows[0][0];
  assert.match((await call("get_log_details", { log_id })).content[0].text, /overloaded/);
  assert.match((await call("get_log_request_body", { log_id })).content[0].text, /simulate: overloaded/);
  assert.match((await call("get_log_response_body", { log_id })).content[0].text, /overloaded/);
  await call("patch_log_feedback", { log_id, feedback: -1, metadata: { userId: "123" } });
  assert.equal((await call("list_logs", { feedback: -1 })).structuredContent.rows[0][0], log_id);
}

for (const [name, make, transports] of clients) {
  describe(name, () => {
    for (const kind of ["stdio", "http", "sse"]) {
      test(kind, { timeout: 60_000 }, async (t) => {
        const client = make();
        await client.connect(await transport(t, kind, transports[kind]));
        try {
          await workflow(client);
        } finally {
          await client.close();
        }
      });
    }
  });
}
