/** The first view: that of the tool whose result the page shows. */

import type { Opening } from "./host";
import { scopeOf } from "./scope";
import type { Route } from "./session";
import type { Scope, Value } from "./shapes";

export interface First {
  route: Route;
  scope: Scope;
  groupBy: string;
  compareTo: string;
}

export const DEFAULT_SPAN = "24h";

/** Without a tool call the page opens on the overview of the last day. */
export function firstView(opening: Opening | undefined): First {
  const given = opening?.arguments ?? {};
  const route = routeOf(opening);
  const scope = scopeOf(route.view === "log" || route.view === "run" ? { gateway_id: given["gateway_id"] } : given);
  return {
    route,
    scope: route.view === "logs" ? scope : { start_date: DEFAULT_SPAN, ...scope },
    groupBy: textOf(given["group_by"]) || "model",
    compareTo: textOf(given["compare_to"]),
  };
}

function routeOf(opening: Opening | undefined): Route {
  const given = opening?.arguments ?? {};
  const id = textOf(given["log_id"]);
  switch (opening?.tool) {
    case "list_logs":
      return { view: "logs" };
    case "trace_run":
      return id ? { view: "run", id } : { view: "run", metadata: (given["metadata"] ?? {}) as Record<string, Value> };
    case "summarize_logs":
      return { view: "overview" };
    default:
      return id ? { view: "log", id } : { view: "overview" };
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
