/** The charts of an overview, which share their hovered moment and selected span, and the sentences about changes. */

import { useMemo, useState } from "preact/hooks";
import { Chart, type Measure, type Pointing } from "../charts/chart";
import type { Format } from "../format";
import { useSession } from "../session";
import type { Mark, Overview } from "../shapes";

export function Charts({ data }: { data: Overview }) {
  const { format, narrow } = useSession();
  const [pointing, point] = useState<Pointing>({});
  const measures = useMemo(() => measuresOf(data, format), [data, format]);
  const marks = useMemo(() => marksIn(data), [data]);
  const { t } = data.series;
  const choose = (from: number, to: number) => {
    const iso = (seconds: number) => new Date(seconds * 1000).toISOString().replace(".000", "");
    narrow({ start_date: iso(t[from] ?? 0), end_date: iso((t[to] ?? 0) + data.step_s) });
  };
  return (
    <div class="over-time" data-has-marks={data.marks.length > 0}>
      <div class="charts">
        {measures.map((measure) => (
          <Chart key={measure.id} {...{ measure, t, step: data.step_s, marks, pointing, point, choose }} hasMarkTexts={measure.id === "calls"} />
        ))}
      </div>
      {data.marks.length > 0 && <Changes marks={marks} groups={data.groups} />}
    </div>
  );
}

function measuresOf({ series, before, totals }: Overview, format: Format): Measure[] {
  const ok = series.calls.map((calls, index) => calls - (series.failed[index] ?? 0));
  const rate = (held: typeof series) => held.calls.map((calls, index) => (calls ? (held.cached[index] ?? 0) / calls : null));
  const tokens = before?.tokens_in.map((tokensIn, index) => tokensIn + (before.tokens_out[index] ?? 0));
  const short = (value: number) => format.short(value);
  const dollars = (value: number) => format.dollars(value);
  const seconds = (value: number) => format.seconds(value);
  const percent = (value: number) => format.percent(value);
  return [
    {
      id: "calls", title: "Calls", total: `${format.count(totals.calls)}, ${format.count(totals.failed)} failed`, told: short, height: 190,
      lanes: [{ label: "failed", tone: "failed", shape: "bars", values: series.failed }, { label: "ok", tone: "ok", shape: "bars", values: ok }],
      before: before?.calls,
    },
    {
      id: "latency", title: "Latency", total: totals.p95 ? `p95 ${seconds(totals.p95)}` : "", told: seconds, height: 130,
      lanes: [{ label: "p50", tone: "first", shape: "line", values: series.p50 }, { label: "p95", tone: "second", shape: "dashed", values: series.p95 }],
      before: before?.p95,
    },
    {
      id: "cost", title: "Cost", total: dollars(totals.cost), told: dollars, axis: (value) => format.roughDollars(value), height: 130,
      lanes: [{ label: "cost", tone: "first", shape: "bars", values: series.cost }], before: before?.cost,
    },
    {
      id: "tokens", title: "Tokens", total: short(totals.tokens_in + totals.tokens_out), told: short, height: 130,
      lanes: [{ label: "in", tone: "first", shape: "bars", values: series.tokens_in }, { label: "out", tone: "second", shape: "bars", values: series.tokens_out }],
      before: tokens,
    },
    {
      id: "cache", title: "From cache", total: totals.calls ? percent(totals.cached / totals.calls) : "", told: percent, height: 130,
      lanes: [{ label: "share", tone: "cached", shape: "bars", values: rate(series) }], before: before && rate(before),
    },
  ]; // prettier-ignore
}

interface ChangesProps {
  marks: Mark[];
  groups: Overview["groups"];
}

/** The sentences beside the charts, numbered like their marks. Each links to its group's calls since then. */
function Changes({ marks, groups }: ChangesProps) {
  const { format, narrow } = useSession();
  const today = new Date();
  return (
    <section class="changes" aria-labelledby="changes">
      <h3 id="changes">What changed</h3>
      <ol data-testid="marks">
        {marks.map((mark, index) => {
          const by = groups.find((group) => group.name === mark.group)?.narrow;
          const { reasons = [] } = mark;
          return (
            <li key={index} data-testid="mark">
              <b class="number-mark">{index + 1}</b>
              <div>
                <time dateTime={new Date(mark.t * 1000).toISOString()}>
                  {format.at(new Date(mark.t * 1000), today)}
                  {mark.until_t && ` – ${format.at(new Date(mark.until_t * 1000), new Date(mark.t * 1000))}`}
                </time>
                <p dir="auto">
                  {mark.group &&
                    (by ? (
                      <button type="button" class="link" onClick={() => narrow(by)}>
                        {mark.group}
                      </button>
                    ) : (
                      <strong>{mark.group}</strong>
                    ))}{" "}
                  {mark.text}
                </p>
                {reasons.map((reason) => (
                  <p class="reason" dir="auto" key={reason}>
                    {reason}
                  </p>
                ))}
              </div>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** Returns the marks by time. A sentence shown at its own time doesn't have to say when. */
function marksIn({ marks }: Overview): Mark[] {
  return marks.map((mark) => ({ ...mark, text: withoutTime(mark.text) })).sort((one, other) => one.t - other.t);
}

function withoutTime(text: string): string {
  return text.replace(/ (since )?\d\d-\d\d \d\d:\d\d(–(\d\d-\d\d )?\d\d:\d\d)?$/, "");
}
