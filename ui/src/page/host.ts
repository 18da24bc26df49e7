/** The page's side of MCP Apps: the host's context, the tool result that the page shows, and calls through the host. */

import type { McpUiHostContext, McpUiInitializeResult } from "@modelcontextprotocol/ext-apps";
import { OWN_HOST, PROTOCOL_VERSION } from "../wire/names";
import { METHOD_NOT_FOUND, type Params, Peer, RpcError, isObject } from "../wire/peer";

const HANDSHAKE_MS = 15_000;
const CALL_MS = 120_000;

/** The host's data about the tool call that this page was opened for. */
export interface Opening {
  tool: string;
  arguments: Params;
  /** The result in the chat: shown if the host denies calls. */
  text?: string;
}

export interface HostState {
  context: McpUiHostContext;
  opening?: Opening;
  /** The host has refused a call, so only the chat's result can be shown. */
  isDenied?: boolean;
}

/** A tool answered with an error, or the host refused the call. The message is for people. */
export class CallError extends Error {}

export class Host {
  state: HostState = { context: {} };
  onChange: (state: HostState) => void = () => undefined;
  canAsk = false;
  /** Whether the page may poll for new calls every few seconds: only our own host allows it. */
  isLive = false;
  /** The tools that the server lists. Unknown in other hosts. */
  private tools: string[] | undefined;
  private canCall = false;
  private readonly peer = new Peer(() => window.parent, {
    request: (method) => this.answer(method),
    notification: (method, params) => this.told(method, params),
  });

  async connect(): Promise<void> {
    const params = {
      appInfo: { name: "cloudflare-ai-gateway-page", version: "1" },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
      protocolVersion: PROTOCOL_VERSION,
    };
    const result = (await this.peer.request("ui/initialize", params, HANDSHAKE_MS)) as McpUiInitializeResult;
    const { serverTools, message, experimental } = result.hostCapabilities ?? {};
    const own = experimental?.[OWN_HOST] as Params | undefined;
    this.canCall = serverTools !== undefined;
    this.canAsk = message !== undefined;
    this.isLive = own?.["live"] === true;
    this.tools = Array.isArray(own?.["tools"]) ? own["tools"].map(String) : undefined;
    this.update({ context: { ...this.state.context, ...result.hostContext } });
    this.peer.notify("ui/notifications/initialized", {});
  }

  /** Whether a call of `tool` may succeed, as far as known. */
  offers(tool: string): boolean {
    return this.canCall && (this.tools?.includes(tool) ?? true);
  }

  /** Returns a tool's structured content. Raises `CallError`. */
  async call<Result>(tool: string, given: object): Promise<Result> {
    if (!this.canCall) throw new CallError("This host does not let the page call tools.");
    const result = await this.peer.request("tools/call", { name: tool, arguments: given }, CALL_MS).catch((error: unknown) => {
      this.update({ isDenied: true });
      throw new CallError(error instanceof RpcError ? `The call was refused: ${error.message}` : String(error));
    });
    if (!isObject(result)) throw new CallError("The host returned nothing.");
    if (result["isError"] === true) throw new CallError(textOf(result) || "The tool failed and said nothing.");
    return result["structuredContent"] as Result;
  }

  /** Puts a question into the chat. Raises `CallError`. */
  async ask(text: string): Promise<void> {
    const params = { role: "user", content: [{ type: "text", text }] };
    const result = await this.peer.request("ui/message", params, CALL_MS).catch((error: unknown) => {
      throw new CallError(`The host did not take the question: ${error instanceof Error ? error.message : String(error)}`);
    });
    if (isObject(result) && result["isError"] === true) throw new CallError("The host did not take the question.");
  }

  async expand(): Promise<void> {
    const result = await this.peer.request("ui/request-display-mode", { mode: "fullscreen" }, HANDSHAKE_MS);
    if (isObject(result)) this.update({ context: { ...this.state.context, displayMode: result["mode"] as "fullscreen" } });
  }

  sizeChanged(width: number, height: number): void {
    this.peer.notify("ui/notifications/size-changed", { width, height });
  }

  private async answer(method: string): Promise<unknown> {
    if (method === "ping" || method === "ui/resource-teardown") return {};
    throw new RpcError(`The page has no ${method}.`, METHOD_NOT_FOUND);
  }

  private told(method: string, params: Params): void {
    const { context, opening } = this.state;
    const tool = context.toolInfo?.tool.name ?? "";
    switch (method) {
      case "ui/notifications/host-context-changed":
        return this.update({ context: { ...context, ...params } });
      case "ui/notifications/tool-input":
        return this.update({ opening: { tool, arguments: isObject(params["arguments"]) ? params["arguments"] : {} } });
      case "ui/notifications/tool-result":
        return this.update({ opening: { tool, arguments: {}, ...opening, text: textOf(params) } });
      case "ui/notifications/tool-cancelled":
        return this.update({ opening: { tool, arguments: {}, ...opening, text: "The tool call was cancelled." } });
    }
  }

  private update(changes: Partial<HostState>): void {
    this.state = { ...this.state, ...changes };
    this.onChange(this.state);
  }
}

function textOf(result: Params): string {
  const content: unknown[] = Array.isArray(result["content"]) ? result["content"] : [];
  return content.flatMap((part) => (isObject(part) && typeof part["text"] === "string" ? [part["text"]] : [])).join("\n");
}
