/** Totals of a span's calls over time, what changed at which minute, figures by group, and why calls failed. */

import { useEffect, useState } from "preact/hooks";
import { Notice } from "../parts/notice";
import { ScopeBar } from "../parts/scope_bar";
import { useEvery, useLoad } from "../load";
import { useSession } from "../session";
import type { Overview } from "../shapes";
import { tools } from "../tools";
import { Causes } from "./overview_causes";
import { Charts } from "./overview_charts";
import { Figures } from "./overview_figures";
import { GROUPINGS, Groups } from "./overview_groups";

const REFRESH_MS = 15_000;
const ALL_GATEWAYS = "gateway"; // this grouping covers all gateways, so none can be chosen

interface Props {
  isActive: boolean;
  groupBy: string;
  setGroupBy(groupBy: string): void;
  compareTo: string;
  setCompareTo(compareTo: string): void;
}

export function OverviewView({ isActive, groupBy, setGroupBy, compareTo, setCompareTo }: Props) {
  const { host, scope, announce } = useSession();
  const by = scope.gateway_id && groupBy === ALL_GATEWAYS ? "model" : groupBy;
  const asked = JSON.stringify([scope, by, compareTo]);
  const [key, setKey] = useState(asked);
  if (isActive && key !== asked) setKey(asked);
  const { data, error, isLoading, reload } = useLoad(key, () =>
    tools(host).overview(scope, { group_by: by, compare_to: compareTo }),
  );
  useEvery(REFRESH_MS, isActive && host.isLive && !scope.end_date, reload);
  useEffect(() => {
    if (isActive && data) announce(data.summary);
  }, [isActive, data?.summary]);

  return (
    <section class="overview" id="view-overview" role="tabpanel" tabIndex={-1} aria-labelledby="tab-overview" hidden={!isActive} data-testid="view-overview" aria-busy={isLoading}>
      <ScopeBar isLoading={isLoading}>
        <label>
          Group by{" "}
          <GroupBy value={by} set={setGroupBy} known={metadataKeys(data)} hasGateways={!scope.gateway_id} />
        </label>
        <label class="check">
          <input type="checkbox" checked={compareTo !== ""} onChange={(event) => setCompareTo(event.currentTarget.checked ? "previous" : "")} data-testid="compare-to" />
          Compare with before
        </label>
      </ScopeBar>
      {error && (
        <Notice kind="error" retry={reload}>
          {error}
        </Notice>
      )}
      {!data && isLoading && <Notice kind="loading">Adding up the calls…</Notice>}
      {data && <Facts data={data} isCurrent={data.group_by === by} />}
    </section>
  );
}

function Facts({ data, isCurrent }: { data: Overview; isCurrent: boolean }) {
  const hasCalls = data.totals.calls > 0 || (data.totals_before?.calls ?? 0) > 0;
  return (
    <>
      <Figures data={data} />
      {!hasCalls && <Notice kind="empty">{data.summary}</Notice>}
      {hasCalls && <Charts data={data} />}
      {hasCalls && (
        <div class="columns">
          <Groups data={data} isCurrent={isCurrent} />
          <Causes causes={data.causes} failed={data.totals.failed} />
        </div>
      )}
      <p class="basis" dir="auto" data-testid="basis">
        {hasCalls && <span>{data.summary} </span>}
        {data.basis}
      </p>
    </>
  );
}

interface GroupByProps {
  value: string;
  set(value: string): void;
  known: string[];
  hasGateways: boolean;
}

function GroupBy({ value, set, known, hasGateways }: GroupByProps) {
  const names = [...new Set([...GROUPINGS, ...(hasGateways ? [ALL_GATEWAYS] : []), ...known, value])];
  return (
    <select value={value} onChange={(event) => set(event.currentTarget.value)} data-testid="group-by">
      {names.map((name) => (
        <option key={name} value={name}>
          {name.replace(/^metadata\./, "metadata: ").replace("_", " ")}
        </option>
      ))}
    </select>
  );
}

/** Metadata keys by which this overview's calls can be grouped, as far as the answer names them. */
function metadataKeys(data: Overview | undefined): string[] {
  const keys = (data as { metadata_keys?: string[] } | undefined)?.metadata_keys ?? [];
  return keys.map((key) => `metadata.${key}`);
}
