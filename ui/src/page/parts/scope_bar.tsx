/** Which calls are shown: the time span, and filters as removable chips. */

import type { ComponentChildren } from "preact";
import { chips, narrowed, without } from "../scope";
import { useSession } from "../session";
import { Icon } from "./icon";

const SPANS = ["1h", "6h", "24h", "7d", "30d"];

interface Props {
  isLoading: boolean;
  /** Whether the view can show all calls, however old. Otherwise no span means a day. */
  hasAll?: boolean;
  children?: ComponentChildren;
}

export function ScopeBar({ isLoading, hasAll = false, children }: Props) {
  const { scope, route, go, host } = useSession();
  const found = chips(scope);
  return (
    <div class="scope" data-testid="scope">
      <SpanChoice hasAll={hasAll} />
      {children}
      {isLoading && <span class="spinner" role="img" aria-label="Loading" />}
      {host.isLive && !scope.end_date && <span class="live">live</span>}
      {found.length > 0 && (
        <ul class="chips" aria-label="Narrowed to">
          {found.map((chip) => (
            <li key={chip.label}>
              <button type="button" class="chip" onClick={() => go(route, chip.without)} data-testid="chip">
                <span dir="auto">{chip.label}</span>
                <Icon name="failed" />
                <span class="unseen">, take away</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function SpanChoice({ hasAll }: { hasAll: boolean }) {
  const { scope, format, go, route } = useSession();
  const { start_date: start = hasAll ? "" : "24h", end_date: end = "" } = scope;
  const isOwn = end !== "" || (start !== "" && !SPANS.includes(start));
  const choose = (span: string) => go(route, narrowed(without(scope, "start_date", "end_date"), span ? { start_date: span } : {}));
  const told = (text: string) => (/^\d{4}-/.test(text) ? format.clock(new Date(text)).slice(0, -3) : text);
  return (
    <span class="span">
      <select aria-label="Span" value={isOwn ? "own" : start} onChange={(event) => choose(event.currentTarget.value)} data-testid="span">
        {isOwn && <option value="own">{`${told(start) || "…"} – ${told(end) || "now"}`}</option>}
        {SPANS.map((span) => (
          <option key={span} value={span}>
            Last {span.replace("h", " h").replace("d", " days")}
          </option>
        ))}
        {hasAll && <option value="">All</option>}
      </select>
      {isOwn && (
        <button type="button" class="plain" aria-label="Back to the last 24 hours" title="Back to the last 24 hours" onClick={() => choose("24h")} data-testid="span-reset">
          <Icon name="failed" />
        </button>
      )}
    </span>
  );
}
