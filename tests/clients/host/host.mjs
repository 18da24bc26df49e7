// A minimal host of the MCP Apps extension, in a browser: its own AppBridge, and its double frame.
//
// The extension's example host isn't published as a package. This one does the same, and no more.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { AppBridge, getToolUiResourceUri, PostMessageTransport, RESOURCE_MIME_TYPE } from "@modelcontextprotocol/ext-apps/app-bridge";

const info = { name: "reference-host", version: "1" };
const extensions = { "io.modelcontextprotocol/ui": { mimeTypes: [RESOURCE_MIME_TYPE] } };

/** The app's requests to its host: chat messages, links, and tool calls. */
window.asked = { messages: [], links: [], calls: [] };

/** Call a tool, and show its page as a chat would. `denied`: tools that this host doesn't let an app call. */
window.show = async ({ tool: name, arguments: given, context = {}, denied = [], sandbox, held = false }) => {
  const client = new Client(info, { capabilities: { extensions }, versionNegotiation: { mode: "auto" } });
  await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", location.href)));
  const { tools } = await client.listTools();
  const tool = tools.find((each) => each.name === name);
  const uri = getToolUiResourceUri(tool);
  const [resource, result] = await Promise.all([client.readResource({ uri }), client.callTool({ name, arguments: given })]);
  const [{ mimeType, text, _meta }] = resource.contents;
  if (mimeType !== RESOURCE_MIME_TYPE) throw new Error(`The page's type is ${mimeType}.`);

  guard(client, denied);
  const frame = await proxied(sandbox, _meta?.ui?.csp);
  const bridge = bridged(client, frame, { theme: "light", locale: "en-US", timeZone: "UTC", toolInfo: { tool }, ...context });
  const ready = new Promise((resolve) => (bridge.oninitialized = resolve));
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  await bridge.sendSandboxResourceReady({ html: text, csp: _meta?.ui?.csp, permissions: _meta?.ui?.permissions });
  await ready;
  await bridge.sendToolInput({ arguments: given });
  window.changeContext = (changed) => bridge.setHostContext({ ...context, ...changed, toolInfo: { tool } });
  window.release = () => {
    window.releasedAt = performance.timeOrigin + performance.now();
    return bridge.sendToolResult(result);
  };
  if (!held) await window.release();
};

/** Record the calls that the bridge forwards for the app, and refuse those that the host denies. */
function guard(client, denied) {
  const request = client.request.bind(client);
  client.request = async (asked, ...options) => {
    if (asked.method !== "tools/call") return request(asked, ...options);
    window.asked.calls.push(asked.params);
    const { name } = asked.params;
    if (denied.includes("*") || denied.includes(name)) throw new Error("The host denies this call.");
    return request(asked, ...options);
  };
}

/** The outer frame, from another origin. Its headers have the policy that the page's metadata asks for. */
function proxied(url, csp) {
  const frame = document.body.appendChild(document.createElement("iframe"));
  frame.title = "page";
  frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms");
  const ready = new Promise((resolve) => {
    addEventListener("message", function listen({ source, data }) {
      if (source !== frame.contentWindow || data?.method !== "ui/notifications/sandbox-proxy-ready") return;
      removeEventListener("message", listen);
      resolve(frame);
    });
  });
  frame.src = `${url}?csp=${encodeURIComponent(JSON.stringify(csp ?? {}))}`;
  return ready;
}

function bridged(client, frame, hostContext) {
  const { tools: serverTools, resources: serverResources } = client.getServerCapabilities() ?? {};
  const can = { openLinks: {}, message: { text: {} }, serverTools, serverResources, logging: {} };
  const bridge = new AppBridge(client, info, can, { hostContext });
  bridge.onmessage = async (params) => (window.asked.messages.push(params), {});
  bridge.onopenlink = async ({ url }) => (window.asked.links.push(url), {});
  bridge.onrequestdisplaymode = async () => ({ mode: "inline" });
  bridge.onsizechange = ({ height }) => {
    if (height !== undefined) frame.style.height = `${height}px`;
  };
  return bridge;
}
