/** A span's main figures, beside those of the previous period. */

import { known } from "../format";
import { useSession } from "../session";
import type { Overview, Totals } from "../shapes";

interface Figure {
  id: string;
  name: string;
  text: string;
  detail?: string;
  now: number | null | undefined;
  before: number | null | undefined;
  /** Whether a higher value is worse. */
  isBad?: boolean;
}

export function Figures({ data }: { data: Overview }) {
  const { format } = useSession();
  const { totals, totals_before: before } = data;
  const figures: Figure[] = [
    { id: "calls", name: "Calls", text: format.count(totals.calls), now: totals.calls, before: before?.calls },
    {
      id: "failed", name: "Failed", text: format.percent(share(totals.failed, totals.calls)), detail: format.count(totals.failed),
      now: share(totals.failed, totals.calls), before: before && share(before.failed, before.calls), isBad: true,
    },
    { id: "cost", name: "Cost", text: format.dollars(totals.cost), now: totals.cost, before: before?.cost, isBad: true },
    {
      id: "tokens", name: "Tokens", text: format.short(sum(totals)), detail: `${format.short(totals.tokens_in)} in, ${format.short(totals.tokens_out)} out`,
      now: sum(totals), before: before && sum(before),
    },
    { id: "p50", name: "Latency p50", text: known(totals.p50, (held) => format.seconds(held)), now: totals.p50, before: before?.p50, isBad: true },
    { id: "p95", name: "p95", text: known(totals.p95, (held) => format.seconds(held)), now: totals.p95, before: before?.p95, isBad: true },
    {
      id: "cached", name: "From cache", text: format.percent(share(totals.cached, totals.calls)), detail: format.count(totals.cached),
      now: share(totals.cached, totals.calls), before: before && share(before.cached, before.calls),
    },
  ]; // prettier-ignore
  return (
    <dl class="figures" data-testid="figures">
      {figures.map((figure) => (
        <div key={figure.id} data-testid={`figure-${figure.id}`} data-alarm={figure.id === "failed" && totals.failed > 0}>
          <dt>{figure.name}</dt>
          <dd>
            {figure.text}
            {figure.detail && <small>{figure.detail}</small>}
            <Change figure={figure} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Change({ figure: { now, before, isBad } }: { figure: Figure }) {
  const { format } = useSession();
  if (before === undefined) return null;
  if (now === null || now === undefined || !before) return <small class="change">{now ? "none before" : "as before"}</small>;
  const factor = now / before - 1;
  if (Math.abs(factor) < 0.005) return <small class="change">as before</small>;
  const text = factor > 1 ? `× ${format.short(now / before)}` : `${factor > 0 ? "+" : "−"}${format.percent(Math.abs(factor))}`;
  return (
    <small class="change" data-worse={isBad === true && factor > 0.1}>
      {factor > 0 ? "▲" : "▼"} {text}
    </small>
  );
}

const share = (part: number, whole: number) => (whole ? part / whole : 0);
const sum = ({ tokens_in, tokens_out }: Totals) => tokens_in + tokens_out;
