/** JSON-RPC 2.0 between two windows by postMessage: the page and its host. */

export type Params = Record<string, unknown>;

/** Handles the other side's requests and notifications. `request` rejects with an `RpcError` to refuse. */
export interface Handlers {
  request(method: string, params: Params): Promise<unknown>;
  notification(method: string, params: Params): void;
}

export class RpcError extends Error {
  constructor(
    message: string,
    readonly code = -32603,
  ) {
    super(message);
  }
}

export const METHOD_NOT_FOUND = -32601;

interface Waiting {
  resolve(result: unknown): void;
  reject(error: RpcError): void;
}

export class Peer {
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  /** `other` is called each time: a frame's window changes when it loads. */
  constructor(
    private readonly other: () => Window | null,
    private readonly handlers: Handlers,
  ) {
    window.addEventListener("message", (event) => {
      if (event.source === this.other() && isObject(event.data) && event.data["jsonrpc"] === "2.0") this.take(event.data);
    });
  }

  request(method: string, params: object, timeoutMs: number): Promise<unknown> {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.settle(id, { error: { message: "The host did not answer." } }), timeoutMs);
      this.waiting.set(id, {
        resolve: (result) => (clearTimeout(timer), resolve(result)),
        reject: (error) => (clearTimeout(timer), reject(error)),
      });
      this.post({ id, method, params });
    });
  }

  notify(method: string, params: object): void {
    this.post({ method, params });
  }

  private take(message: Params): void {
    const { id, method } = message;
    const params = isObject(message["params"]) ? message["params"] : {};
    if (typeof method !== "string") this.settle(id, message);
    else if (id === undefined) this.handlers.notification(method, params);
    else void this.answer(id, method, params);
  }

  private settle(id: unknown, message: Params): void {
    const waiting = typeof id === "number" ? this.waiting.get(id) : undefined;
    if (!waiting) return;
    this.waiting.delete(id as number);
    if (isObject(message["error"])) waiting.reject(errorOf(message["error"]));
    else waiting.resolve(message["result"]);
  }

  private async answer(id: unknown, method: string, params: Params): Promise<void> {
    try {
      this.post({ id, result: await this.handlers.request(method, params) });
    } catch (error) {
      const { message, code } = error instanceof RpcError ? error : new RpcError(String(error));
      this.post({ id, error: { code, message } });
    }
  }

  /** The frame has an opaque origin, which can't be named. Both sides check `source` instead. */
  private post(message: object): void {
    this.other()?.postMessage({ jsonrpc: "2.0", ...message }, "*");
  }
}

export function isObject(value: unknown): value is Params {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function errorOf(error: Params): RpcError {
  const { message, code } = error;
  return new RpcError(typeof message === "string" ? message : "Refused.", typeof code === "number" ? code : undefined);
}
