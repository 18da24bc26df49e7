/** The tools that the page calls, by name and with their types. */

import type { Host } from "./host";
import type { BodyText, Comparison, Gateways, Log, Logs, Matches, Outline, Overview, Run, Scope, Side, Value } from "./shapes";

export interface Order {
  order_by: string;
  order_by_direction: "asc" | "desc";
}

export interface OverviewOptions {
  group_by: string;
  compare_to: string;
}

export type LogsOptions = Partial<Order> & { limit?: number; cursor?: string; newer_than?: string };

export interface LogRef {
  log_id: string;
  gateway_id?: string;
}

export const tools = (host: Host) => ({
  overview: (scope: Scope, options: OverviewOptions) => host.call<Overview>("page_overview", { ...scope, ...options }),
  logs: (scope: Scope, options: LogsOptions) => host.call<Logs>("page_logs", { ...scope, ...options }),
  log: (log: LogRef) => host.call<Log>("page_log", log),
  body: (log: LogRef, part: Side, where: { pointer?: string; offset?: number }) =>
    host.call<BodyText>("page_body", { ...log, part, ...where }),
  outline: (log: LogRef, part: Side) => host.call<Outline>("page_body", { ...log, part, view: "outline" }),
  search: (log: LogRef, part: Side, search: string) => host.call<Matches>("page_body", { ...log, part, search }),
  run: (of: { log_id?: string; metadata?: Record<string, Value>; gateway_id?: string }) => host.call<Run>("page_run", of),
  compare: (log: LogRef, other_log_id: string) => host.call<Comparison>("compare_logs", { ...log, other_log_id, budget: 6000 }),
  rate: (log: LogRef, what: { feedback?: number; score?: number }) => host.call("patch_log_feedback", { ...log, ...what }),
  gateways: () => host.call<Gateways>("list_gateways", { per_page: 50 }),
});
