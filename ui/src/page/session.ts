/** What every part of the page may need: the host, number and time formats, and navigation. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Format } from "./format";
import type { Host } from "./host";
import type { Scope, Value } from "./shapes";

export type Route =
  | { view: "overview" }
  | { view: "logs" }
  | { view: "log"; id: string; other?: string }
  | { view: "run"; id?: string; metadata?: Record<string, Value> };

export type View = Route["view"];

export interface Session {
  host: Host;
  format: Format;
  route: Route;
  scope: Scope;
  /** Whether the page fills its window, as in a browser, or is embedded in a chat. */
  fills: boolean;
  go(route: Route, scope?: Scope): void;
  narrow(scope: Scope): void;
  back(): void;
  /** Announces a text to screen readers. */
  announce(text: string): void;
}

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("There is no session.");
  return session;
}
