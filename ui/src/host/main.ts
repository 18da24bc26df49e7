/** The thin host: shows the page in a frame that can only ask, and passes on calls of this server's tools. */

import type { McpUiHostContext, McpUiInitializeResult } from "@modelcontextprotocol/ext-apps";
import { OWN_HOST, type OwnHost, PROTOCOL_VERSION } from "../wire/names";
import { METHOD_NOT_FOUND, type Params, Peer, RpcError, isObject } from "../wire/peer";
import "./host.css";
import { Server } from "./server";

const server = new Server(new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
const dark = matchMedia("(prefers-color-scheme: dark)");
const frame = document.createElement("iframe");

let listed: Promise<string[]> | undefined;

const page = new Peer(() => frame.contentWindow, { request: answer, notification: () => undefined });

async function answer(method: string, params: Params): Promise<unknown> {
  switch (method) {
    case "ui/initialize":
      return initialized();
    case "tools/call":
      return call(params);
    case "ui/request-display-mode":
      return { mode: "fullscreen" };
    case "ping":
      return {};
    default:
      throw new RpcError(`This host has no ${method}.`, METHOD_NOT_FOUND);
  }
}

async function initialized(): Promise<McpUiInitializeResult> {
  const own: OwnHost = { live: true, tools: await tools().catch(() => []) };
  return {
    protocolVersion: PROTOCOL_VERSION,
    hostInfo: { name: "cloudflare-ai-gateway", version: "1" },
    hostCapabilities: { serverTools: {}, experimental: { [OWN_HOST]: own } },
    hostContext: context(),
  };
}

function context(): McpUiHostContext {
  return {
    theme: dark.matches ? "dark" : "light",
    displayMode: "fullscreen",
    availableDisplayModes: ["fullscreen"],
    locale: navigator.language,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    platform: "web",
  };
}

async function call(params: Params): Promise<Params> {
  const { name, arguments: given } = params;
  if (typeof name !== "string" || !(await tools()).includes(name)) throw new RpcError("The server lists no such tool.");
  return server.request("tools/call", { name, arguments: isObject(given) ? given : {} });
}

/** Asks once, and again if the server wasn't up yet. */
function tools(): Promise<string[]> {
  listed ??= names().catch((error: unknown) => {
    listed = undefined;
    throw error;
  });
  return listed;
}

async function names(): Promise<string[]> {
  const found: string[] = [];
  let cursor: unknown;
  do {
    const listing = await server.request("tools/list", cursor === undefined ? {} : { cursor });
    const held = Array.isArray(listing["tools"]) ? listing["tools"] : [];
    found.push(...held.flatMap((tool: unknown) => (isObject(tool) && typeof tool["name"] === "string" ? [tool["name"]] : [])));
    cursor = listing["nextCursor"] ?? undefined;
  } while (cursor !== undefined);
  return found;
}

dark.addEventListener("change", () => page.notify("ui/notifications/host-context-changed", { theme: context().theme }));
window.addEventListener("hashchange", () => location.reload());

frame.title = "AI Gateway logs";
frame.id = "page";
frame.setAttribute("sandbox", "allow-scripts");
frame.allow = "clipboard-write";
frame.src = "/page.html";
document.body.append(frame);
