/** What differs between this log and another one, pasted or picked from earlier calls. */

import { useState } from "preact/hooks";
import { Entry } from "../parts/entry";
import { Notice } from "../parts/notice";
import { useLoad } from "../load";
import { useSession } from "../session";
import type { Comparison, Log } from "../shapes";
import { type LogRef, tools } from "../tools";
import { Outcome } from "./logs_columns";

const OFFERED = 6;

interface Props {
  log: Log;
  reference: LogRef;
  other: string | undefined;
}

export function Compare({ log, reference, other }: Props) {
  const { go } = useSession();
  const [text, setText] = useState("");
  const choose = (id: string) => go({ view: "log", id: log.log_id, other: id });
  const submit = () => text.trim() && choose(text.trim());
  return (
    <section class="panel" aria-label="Compare" data-testid="compare">
      <Entry label="Compare with another log" class="line" testId="compare-entry" submit={submit}>
        <label>
          Compare with log <input value={text} onInput={(event) => setText(event.currentTarget.value)} placeholder="paste an id" data-testid="compare-id" />
        </label>
        <button type="button" disabled={!text.trim()} onClick={submit} data-testid="compare-go">
          Compare
        </button>
      </Entry>
      {other ? <Differences reference={reference} other={other} /> : <Offers log={log} reference={reference} choose={choose} />}
    </section>
  );
}

interface OffersProps {
  log: Log;
  reference: LogRef;
  choose(id: string): void;
}

/** Earlier calls of the same model; only successful ones, if this one failed. */
function Offers({ log, reference: { gateway_id }, choose }: OffersProps) {
  const { host, format } = useSession();
  const scope = {
    ...(gateway_id && { gateway_id }),
    ...(log.model && { model: log.model }),
    ...(log.created_at && { end_date: log.created_at }),
    ...(!log.ok && { success: true }),
  };
  const { data, error, isLoading } = useLoad(JSON.stringify(scope), () => tools(host).logs(scope, { limit: OFFERED + 1 }));
  const rows = data?.rows.filter((row) => row.id !== log.log_id).slice(0, OFFERED) ?? [];
  if (isLoading) return <Notice kind="loading">Looking for calls to compare with…</Notice>;
  if (error) return <Notice kind="error">{error}</Notice>;
  if (!rows.length) return <p class="hint">No earlier call of this model{log.ok ? "" : " succeeded"}: paste an id.</p>;
  return (
    <ul class="offers" aria-label={log.ok ? "Calls of the same model before" : "Calls of the same model that succeeded before"}>
      {rows.map((row) => (
        <li key={row.id}>
          <button type="button" class="plain" onClick={() => choose(row.id)} data-testid="compare-offer">
            <Outcome row={row} /> <time dateTime={row.created_at}>{format.clock(new Date(row.created_at), new Date())}</time> <bdi>{row.model}</bdi>{" "}
            <span class="hint">{row.id}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Differences({ reference, other }: { reference: LogRef; other: string }) {
  const { host, go } = useSession();
  const { data, error, isLoading } = useLoad(JSON.stringify([reference, other]), () => tools(host).compare(reference, other));
  return (
    <div aria-busy={isLoading}>
      {isLoading && <Notice kind="loading">Comparing…</Notice>}
      {error && <Notice kind="error">{error}</Notice>}
      {data && (
        <>
          <p>
            <strong>{data.summary.replace("log_id → other_log_id", "this log → the other")}</strong>{" "}
            <button type="button" class="link" onClick={() => go({ view: "log", id: other })}>
              Open <bdi>{other}</bdi>
            </button>
          </p>
          {!!data.differs?.length && <DifferenceTable differs={data.differs} />}
          {!!data.same?.length && <p class="hint">The same: {data.same.join(", ")}.</p>}
        </>
      )}
    </div>
  );
}

function DifferenceTable({ differs }: { differs: NonNullable<Comparison["differs"]> }) {
  return (
    <div class="scroller" tabIndex={0} role="region" aria-label="Differences">
      <table class="differences" data-testid="differences">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">This log</th>
            <th scope="col">The other</th>
          </tr>
        </thead>
        <tbody>
          {differs.map(([what, one, two]) => (
            <tr key={what}>
              <th scope="row" dir="auto">
                {what}
              </th>
              <td dir="auto">{one || "–"}</td>
              <td dir="auto">{two || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
