/** What the tools of this page return. Times are ISO 8601 UTC, or `t` in seconds; costs are US dollars. */

export type Value = string | number | boolean | null;

export interface Clause {
  key: string;
  operator?: string;
  value: Value[];
}

/** Which calls are shown: arguments of every list and every sum. */
export interface Scope {
  gateway_id?: string;
  start_date?: string;
  end_date?: string;
  success?: boolean;
  cached?: boolean;
  provider?: string;
  model?: string;
  feedback?: number;
  search?: string;
  metadata?: Record<string, Value>;
  filters?: Clause[];
}

export interface Totals {
  calls: number;
  failed: number;
  cached: number;
  cost: number;
  tokens_in: number;
  tokens_out: number;
  p50?: number | null;
  p95?: number | null;
}

export interface Series {
  t: number[];
  calls: number[];
  failed: number[];
  cached: number[];
  cost: number[];
  tokens_in: number[];
  tokens_out: number[];
  p50: (number | null)[];
  p95: (number | null)[];
}

export interface Mark {
  t: number;
  until_t?: number;
  group: string;
  text: string;
  reasons?: string[];
}

export interface Group extends Totals {
  name: string;
  changed?: string[];
  narrow?: Scope;
  before?: Totals;
}

export interface Cause {
  count: number;
  kind: string;
  words?: string;
  first?: string;
  last?: string;
  models?: string[];
  log_id?: string;
}

export interface Overview {
  gateway_id: string;
  start: string;
  end: string;
  step_s: number;
  group_by: string;
  summary: string;
  basis?: string;
  series: Series;
  before?: Series;
  marks: Mark[];
  groups: Group[];
  groups_left?: number;
  causes: Cause[];
  totals: Totals;
  totals_before?: Totals;
}

export interface Row {
  id: string;
  created_at: string;
  provider?: string;
  model?: string;
  status?: number;
  ok: boolean;
  seconds?: number;
  tokens_in?: number;
  tokens_out?: number;
  cost?: number;
  cached?: boolean;
  step?: number;
  path?: string;
  what?: string;
  session?: string;
  user?: string;
  feedback?: number;
  metadata?: Record<string, Value>;
}

export interface Logs {
  gateway_id: string;
  total: number;
  rows: Row[];
  cursor?: string;
  newest?: string;
  notes?: string[];
}

export type Part =
  | { kind: "text" | "reasoning"; text: string; left?: number }
  | { kind: "tool_call"; id?: string; name: string; arguments: string; left?: number; invalid?: boolean }
  | { kind: "tool_result"; id?: string; text: string; left?: number; is_error?: boolean }
  | { kind: "media"; text: string }
  | { kind: "citation"; title?: string; url?: string; quote?: string };

export interface Turn {
  n: number;
  role: string;
  pointer: string;
  parts: Part[];
  refusal?: boolean;
  parts_left?: number;
}

/** A body's parts, one per line, largest first. */
export interface Outline {
  lead?: string;
  lines?: string[];
  left?: number;
}

export interface StoredBody {
  stored: true;
  form?: "json" | "events" | "text" | "binary";
  note?: string;
  size?: number;
  kind?: string;
  lead?: string;
  model?: string;
  parameters?: [string, string][];
  tools?: string[];
  turns?: Turn[];
  turns_left?: number;
  finish?: string;
  why?: string;
  broken?: string;
  error?: string;
  notes?: string[];
  outline?: Outline;
}

export type Body = StoredBody | { stored: false; note?: string };

export interface Facts {
  title: string;
  rows: [string, string][];
}

export interface Log {
  gateway_id: string;
  log_id: string;
  summary: string[];
  ok: boolean;
  created_at?: string;
  model?: string;
  provider?: string;
  status?: number;
  seconds?: number;
  tokens_in?: number;
  tokens_out?: number;
  cost?: number;
  cached?: boolean;
  feedback?: number;
  score?: number;
  session?: string;
  /** The steps of this log's call, itself included; empty if it is the only one. */
  steps: { log_id: string; model?: string; status?: number; ok: boolean; what?: string }[];
  facts: Facts[];
  request: Body;
  response: Body;
}

export type Side = "request" | "response";

export interface BodyText {
  part: Side;
  view: string;
  pointer?: string;
  note?: string;
  text: string;
  offset: number;
  end: number;
  total: number;
  next_offset?: number;
}

export interface Match {
  pointer: string;
  offset: number;
  around: string;
}

export interface Matches {
  part: Side;
  matches: Match[];
  count: number;
}

export interface ToolUse {
  name: string;
  text?: string;
  result?: string;
  is_error?: boolean;
}

export interface ModelStep {
  n: number;
  kind: "model";
  log_id: string;
  name: string;
  start_ms: number;
  ms: number;
  ok: boolean;
  status?: number;
  tokens_in?: number;
  tokens_out?: number;
  cost?: number;
  parent?: number | null;
  link?: string;
  fork?: boolean;
  marks?: string[];
  asked?: string;
  did?: string;
  calls?: ToolUse[];
}

export interface ToolStep {
  kind: "tool";
  name: string;
  start_ms: number;
  ms: number;
  ok: boolean;
  of: number;
  is_measured?: boolean;
  marks?: string[];
  text?: string;
  result?: string;
}

export type Step = ModelStep | ToolStep;

export interface Finding {
  text: string;
  quote?: string;
  steps?: number[];
  log_id?: string;
  mark?: string;
}

export interface Run {
  gateway_id: string;
  summary: string[];
  start: string;
  wall_ms: number;
  totals: {
    wall_s?: number;
    in_models_s?: number;
    between_s?: number;
    cost?: number;
    tokens_in?: number;
    tokens_out?: number;
    sent_before?: number;
  };
  steps: Step[];
  findings: Finding[];
  steps_left?: number;
}

export interface Comparison {
  summary: string;
  differs?: [string, string, string][];
  same?: string[];
}

export interface Gateways {
  columns?: string[];
  rows?: Value[][];
  same?: Record<string, Value>;
}
