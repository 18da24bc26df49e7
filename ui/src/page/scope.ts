/** Which calls are shown, as tool arguments and as removable chips. */

import type { Params } from "../wire/peer";
import type { Clause, Scope } from "./shapes";

const KEYS = [
  "gateway_id", "start_date", "end_date", "success", "cached", "provider", "model", "feedback", "search", "metadata", "filters",
] as const satisfies (keyof Scope)[];

export interface Chip {
  label: string;
  without: Scope;
}

/** Returns those of a tool's arguments that select calls. */
export function scopeOf(given: Params): Scope {
  return Object.fromEntries(KEYS.flatMap((key) => (isGiven(given[key]) ? [[key, given[key]]] : []))) as Scope;
}

export function narrowed(scope: Scope, by: Scope): Scope {
  const metadata = { ...scope.metadata, ...by.metadata };
  const filters = [...(scope.filters ?? []).filter((held) => !by.filters?.some((more) => more.key === held.key)), ...(by.filters ?? [])];
  return scopeOf({ ...scope, ...by, metadata, filters });
}

export function without(scope: Scope, ...keys: (keyof Scope)[]): Scope {
  return scopeOf({ ...scope, ...Object.fromEntries(keys.map((key) => [key, undefined])) });
}

/** Returns the view's filters, except the gateway and the span, which have their own controls. */
export function chips(scope: Scope): Chip[] {
  const found: Chip[] = [];
  const add = (label: string, key: keyof Scope) => found.push({ label, without: without(scope, key) });
  if (scope.success !== undefined) add(scope.success ? "succeeded" : "failed", "success");
  if (scope.cached !== undefined) add(scope.cached ? "cached" : "not cached", "cached");
  if (scope.provider) add(`provider ${scope.provider}`, "provider");
  if (scope.model) add(`model ${scope.model}`, "model");
  if (scope.feedback !== undefined) add(`feedback ${scope.feedback}`, "feedback");
  if (scope.search) add(`metadata has “${scope.search}”`, "search");
  for (const [key, value] of Object.entries(scope.metadata ?? {})) {
    const { [key]: _, ...rest } = scope.metadata ?? {};
    found.push({ label: `${key} = ${String(value)}`, without: scopeOf({ ...scope, metadata: rest }) });
  }
  for (const clause of scope.filters ?? []) {
    const rest = (scope.filters ?? []).filter((held) => held !== clause);
    found.push({ label: told(clause), without: scopeOf({ ...scope, filters: rest }) });
  }
  return found;
}

function told({ key, operator = "eq", value }: Clause): string {
  const sign = { eq: "=", neq: "≠", gt: ">", lt: "<", gte: "≥", lte: "≤" }[operator] ?? operator;
  return `${key.replace(/_/g, " ")} ${sign} ${value.map(String).join(" or ")}`;
}

function isGiven(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}
