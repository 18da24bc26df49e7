/** The logged calls as a table: sorted, filtered, and live if the host allows polling. */

import { useMemo, useState } from "preact/hooks";
import { Icon } from "../parts/icon";
import { Notice } from "../parts/notice";
import { ScopeBar } from "../parts/scope_bar";
import { narrowed, without } from "../scope";
import { useSession } from "../session";
import type { Format } from "../format";
import type { Row, Scope } from "../shapes";
import type { Order } from "../tools";
import { metadataOf, nameOf } from "./logs_columns";
import { useRows } from "./logs_rows";
import { LogsTable } from "./logs_table";

const NEWEST_FIRST: Order = { order_by: "created_at", order_by_direction: "desc" };

export function LogsView({ isActive }: { isActive: boolean }) {
  const session = useSession();
  const [scope, setScope] = useState(session.scope);
  const [order, setOrder] = useState(NEWEST_FIRST);
  const [text, setText] = useState("");
  const [status, setStatus] = useState("");
  if (isActive && JSON.stringify(scope) !== JSON.stringify(session.scope)) setScope(session.scope);
  const { rows, total, notes, fresh, isLoading, hasMore, error, more, reload } = useRows(scope, order, isActive);
  const shown = useMemo(() => matching(rows, text, status), [rows, text, status]);

  return (
    <section class="logs" id="view-logs" role="tabpanel" tabIndex={-1} aria-labelledby="tab-logs" hidden={!isActive} data-testid="view-logs" aria-busy={isLoading}>
      <ScopeBar isLoading={isLoading} hasAll>
        <Filters {...{ rows, text, setText, status, setStatus }} />
      </ScopeBar>
      {error && (
        <Notice kind="error" retry={reload}>
          {error}
        </Notice>
      )}
      {(rows.length > 0 || !error) && <LogsTable {...{ rows: shown, fresh, order, setOrder, more }} />}
      {!isLoading && !error && !shown.length && <Nothing loaded={rows.length} text={text} filter={text || status} />}
      <p class="hint" data-testid="logs-count" hidden={!!error && !rows.length}>
        {isLoading && !rows.length ? "Reading the logs…" : count(session.format, shown.length, rows.length, total, { isFiltered: text !== "" || status !== "", hasMore })}
        {text && (
          <button type="button" class="link" onClick={() => (session.narrow({ search: text }), setText(""))} data-testid="search-metadata">
            look for it in the metadata of all
          </button>
        )}
        {notes.map((note) => (
          <span dir="auto" key={note}>
            {note}
          </span>
        ))}
      </p>
    </section>
  );
}

interface FiltersProps {
  rows: Row[];
  text: string;
  setText(text: string): void;
  status: string;
  setStatus(status: string): void;
}

function Filters({ rows, text, setText, status, setStatus }: FiltersProps) {
  const { scope, go } = useSession();
  const to = (next: Scope) => go({ view: "logs" }, next);
  const statuses = [...new Set(rows.flatMap((row) => (row.status === undefined ? [] : [String(row.status)])))].sort();
  const models = [...new Set(rows.map((row) => row.model ?? ""))].filter(Boolean).sort();
  return (
    <>
      <span class="field">
        <Icon name="search" />
        <input type="search" placeholder="Filter these rows" aria-label="Filter these rows" value={text} onInput={(event) => setText(event.currentTarget.value)} data-testid="filter-text" />
      </span>
      <select aria-label="Model" value={scope.model ?? ""} onChange={(event) => to(narrowed(without(scope, "model"), { model: event.currentTarget.value }))} data-testid="filter-model">
        <option value="">Any model</option>
        {[...new Set([...models, ...(scope.model ? [scope.model] : [])])].map((model) => (
          <option key={model} value={model}>
            {model}
          </option>
        ))}
      </select>
      <select aria-label="Status of these rows" value={status} onChange={(event) => setStatus(event.currentTarget.value)} data-testid="filter-status">
        <option value="">Any status</option>
        {statuses.map((held) => (
          <option key={held} value={held}>
            {held}
          </option>
        ))}
      </select>
      <label class="check">
        <input type="checkbox" checked={scope.success === false} onChange={(event) => to(event.currentTarget.checked ? { ...scope, success: false } : without(scope, "success"))} data-testid="failed-only" />
        Failed only
      </label>
    </>
  );
}

/** The loaded rows with this text in any cell and this status: Cloudflare can't filter by either. */
function matching(rows: Row[], text: string, status: string): Row[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted && !status) return rows;
  const fields = (row: Row) => [row.id, nameOf(row), row.what, row.status, row.path, row.session, row.user, metadataOf(row)];
  const hasText = (row: Row) => fields(row).some((field) => String(field ?? "").toLowerCase().includes(wanted));
  return rows.filter((row) => (!status || String(row.status) === status) && (!wanted || hasText(row)));
}

/** The id may belong to a log that isn't loaded, or is older than the span. */
function Nothing({ loaded, text, filter }: { loaded: number; text: string; filter: string }) {
  const { go } = useSession();
  const id = /^[\w-]{16,}$/.test(text.trim()) ? text.trim() : "";
  return (
    <Notice kind="empty">
      {loaded && filter ? `None of the ${loaded} rows that are loaded has “${filter}”. ` : "No calls. Widen the span, or take a filter away."}
      {id && (
        <button type="button" class="link" onClick={() => go({ view: "log", id })} data-testid="open-id">
          Open the log with this id
        </button>
      )}
    </Notice>
  );
}

interface Counting {
  isFiltered: boolean;
  hasMore: boolean;
}

function count(format: Format, shown: number, loaded: number, total: number, { isFiltered, hasMore }: Counting): string {
  const [some, held, all] = [shown, loaded, total].map((number) => format.count(number));
  if (isFiltered) return `${some} of the ${held} rows loaded, of ${all}. `;
  return hasMore ? `${held} of ${all} loaded, more as you scroll. ` : `${all} ${total === 1 ? "call" : "calls"}. `;
}
