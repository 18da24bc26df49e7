/** One measure over time: bars or lines, the previous period as a faint line, and marks where something changed. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Mark } from "../shapes";
import { useSession } from "../session";
import { barsPath, linePath, timeTicks, valueTicks } from "./scale";

const LEFT = 60;
const RIGHT = 8;
const TOP = 20;
const BOTTOM = 20;
const BRIDGED = 1 / 8; // buckets without a value that a line may bridge
const LABEL = 110; // minimum pixels for the sentence of a mark

export interface Lane {
  label: string;
  tone: "ok" | "failed" | "first" | "second" | "cached";
  shape: "bars" | "line" | "dashed";
  values: (number | null)[];
}

export interface Measure {
  id: string;
  title: string;
  /** The total, shown while no moment is pointed at. */
  total: string;
  lanes: Lane[];
  before?: (number | null)[] | undefined;
  told(value: number): string;
  /** Like `told`, for the values beside the axis. */
  axis?(value: number): string;
  height: number;
}

/** What all charts of a view share: the bucket pointed at, and the span being selected, both by index. */
export interface Pointing {
  at?: number | undefined;
  from?: number | undefined;
}

interface Props {
  measure: Measure;
  t: number[];
  step: number;
  marks: Mark[];
  hasMarkTexts?: boolean;
  pointing: Pointing;
  point(pointing: Pointing): void;
  choose(from: number, to: number): void;
}

export function Chart({ measure, t, step, marks, hasMarkTexts = false, pointing, point, choose }: Props) {
  const { format } = useSession();
  const [box, width] = useWidth();
  const [hasTable, setTable] = useState(false);
  const { lanes, before, height } = measure;
  const inner = Math.max(1, width - LEFT - RIGHT);
  const pitch = inner / Math.max(1, t.length);
  const x = (index: number) => LEFT + index * pitch;
  const indexAt = (clientX: number) => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    return Math.max(0, Math.min(t.length - 1, Math.floor((clientX - left - LEFT) / pitch)));
  };
  const moment = (index: number) => bucketName(t, index, step, (date) => format.minute(date), (date) => format.day(date));
  const valuesAt = (index: number) => lanes.map((lane) => `${lane.label} ${value(lane.values[index], measure.told)}`).join(", ");

  const onPointerDown = (event: PointerEvent & { currentTarget: Element }) => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const at = indexAt(event.clientX);
    point({ at, from: at });
  };
  const onPointerMove = (event: PointerEvent) => point({ ...pointing, at: indexAt(event.clientX) });
  const onPointerUp = (event: PointerEvent) => {
    const { from } = pointing;
    const at = indexAt(event.clientX);
    if (from !== undefined && from !== at) choose(Math.min(from, at), Math.max(from, at));
    point({ at });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const at = pointing.at ?? t.length - 1;
    const moved = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowDown: at - 1, ArrowUp: at + 1, Home: 0, End: t.length - 1 }[event.key];
    if (moved !== undefined) {
      event.preventDefault();
      const to = Math.max(0, Math.min(t.length - 1, moved));
      point(event.shiftKey ? { at: to, from: pointing.from ?? at } : { at: to });
    } else if (event.key === "Enter" && pointing.from !== undefined && pointing.from !== at) {
      event.preventDefault();
      choose(Math.min(pointing.from, at), Math.max(pointing.from, at));
      point({ at });
    } else if (event.key === "Escape" && pointing.from !== undefined) {
      event.preventDefault();
      point({ at });
    }
  };

  const at = pointing.at !== undefined && pointing.at < t.length ? pointing.at : undefined;
  return (
    <figure class="chart" data-testid={`chart-${measure.id}`}>
      <figcaption>
        <h3>{measure.title}</h3>
        <span class="reading">{at === undefined ? measure.total : moment(at)}</span>
        <button type="button" class="plain small" aria-expanded={hasTable} onClick={() => setTable(!hasTable)} data-testid={`table-${measure.id}`}>
          {hasTable ? "Chart" : "Table"}
          <span class="unseen"> of {measure.title}</span>
        </button>
        <ul class="legend">
          {lanes.map((lane) => (
            <li key={lane.label} data-tone={lane.tone} data-shape={lane.shape}>
              {lane.label}
              {at !== undefined && <b>{value(lane.values[at], measure.told)}</b>}
            </li>
          ))}
          {before && (
            <li data-tone="before" data-shape="line">
              before{at !== undefined && <b>{value(before[at], measure.told)}</b>}
            </li>
          )}
        </ul>
      </figcaption>
      <div ref={box} class="plot" hidden={hasTable}>
        <div
          class="surface"
          role="slider"
          tabIndex={0}
          aria-label={`${measure.title} over time: ${measure.total}. Arrow keys move, Shift and arrow keys choose a span, Enter narrows to it.`}
          aria-valuemin={0}
          aria-valuemax={Math.max(0, t.length - 1)}
          aria-valuenow={at ?? Math.max(0, t.length - 1)}
          aria-valuetext={t.length ? `${moment(at ?? t.length - 1)}: ${valuesAt(at ?? t.length - 1)}` : "no data"}
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onPointerLeave={() => pointing.from === undefined && point({})}
          onKeyDown={onKeyDown}
        >
          {width > 0 && (
            <svg width={width} height={height} aria-hidden="true">
              <Drawing measure={measure} t={t} step={step} width={width} />
              {at !== undefined && pointing.from !== undefined && (
                <rect
                  class="chosen"
                  x={x(Math.min(at, pointing.from))}
                  y={TOP}
                  width={(Math.abs(at - pointing.from) + 1) * pitch}
                  height={height - TOP - BOTTOM}
                />
              )}
              {at !== undefined && <rect class="cursor" x={x(at)} y={TOP} width={Math.max(1, pitch)} height={height - TOP - BOTTOM} />}
            </svg>
          )}
        </div>
        {width > 0 && <Marks {...{ marks, t, step, width, height, hasTexts: hasMarkTexts }} />}
      </div>
      {hasTable && <Table measure={measure} t={t} moment={moment} />}
    </figure>
  );
}

interface DrawingProps {
  measure: Measure;
  t: number[];
  step: number;
  width: number;
}

function Drawing({ measure, t, step, width }: DrawingProps) {
  const { format } = useSession();
  return useMemo(() => {
    const { lanes, before, height, told, axis = told } = measure;
    const bridge = Math.max(3, t.length * BRIDGED);
    const inner = width - LEFT - RIGHT;
    const pitch = inner / Math.max(1, t.length);
    const tops = stacked(lanes);
    const most = Math.max(0, ...tops.flatMap(({ to }) => to.map((held) => held ?? 0)), ...(before ?? []).map((held) => held ?? 0));
    const ticks = valueTicks(most, height > 140 ? 4 : 3);
    const highest = ticks.at(-1) ?? 1;
    const y = (held: number) => height - BOTTOM - (held / highest) * (height - TOP - BOTTOM);
    const middle = (index: number) => LEFT + (index + 0.5) * pitch;
    const gap = pitch > 4 ? 1 : 0;
    const first = t[0] ?? 0;
    const last = (t.at(-1) ?? 0) + step;
    const xOf = (time: number) => LEFT + ((time - first) / Math.max(1, last - first)) * inner;
    const offset = format.offset(first);
    return (
      <g>
        {ticks.map((tick) => (
          <g key={tick} class="tick">
            <line x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 6} y={y(tick) + 3.5} text-anchor="end">
              {tick === 0 ? "0" : axis(tick)}
            </text>
          </g>
        ))}
        {timeTicks(first, last, Math.max(2, inner / 70), offset).map((time) => (
          <text key={time} class="when" x={xOf(time)} y={height - 6} text-anchor={xOf(time) > width - 30 ? "end" : "middle"}>
            {(time + offset) % 86400 === 0 ? format.day(new Date(time * 1000)).slice(5) : format.minute(new Date(time * 1000))}
          </text>
        ))}
        {tops.map(({ lane, from, to }) =>
          lane.shape === "bars" ? (
            <path
              key={lane.label}
              class="bars"
              data-tone={lane.tone}
              d={barsPath(from, to as number[], (index) => LEFT + index * pitch + gap / 2, y, Math.max(0.6, pitch - gap))}
            />
          ) : (
            <path key={lane.label} class="line" data-tone={lane.tone} data-shape={lane.shape} d={linePath(to, middle, y, bridge)} />
          ),
        )}
        {before && <path class="line" data-tone="before" d={linePath(before, middle, y, bridge)} />}
      </g>
    );
  }, [measure, t, step, width, format]);
}

interface Stacked {
  lane: Lane;
  from: number[];
  to: (number | null)[];
}

/** Bars are stacked; lines aren't. */
function stacked(lanes: Lane[]): Stacked[] {
  let base: number[] = [];
  return lanes.map((lane) => {
    if (lane.shape !== "bars") return { lane, from: [], to: lane.values };
    const from = base;
    base = lane.values.map((held, index) => (held ?? 0) + (from[index] ?? 0));
    return { lane, from, to: base };
  });
}

interface MarksProps {
  marks: Mark[];
  t: number[];
  step: number;
  width: number;
  height: number;
  hasTexts: boolean;
}

function Marks({ marks, t, step, width, height, hasTexts }: MarksProps) {
  const first = t[0] ?? 0;
  const last = (t.at(-1) ?? 0) + step;
  const x = (time: number) => LEFT + ((time - first) / Math.max(1, last - first)) * (width - LEFT - RIGHT);
  const shown = marks.map((mark, index) => ({ mark, number: index + 1, left: x(mark.t) })).filter(({ mark }) => mark.t >= first && mark.t <= last);
  const roomAfter = (index: number) => (shown[index + 1]?.left ?? width) - (shown[index]?.left ?? 0) - 24;
  const roomBefore = (index: number) => (index && roomAfter(index - 1) >= LABEL ? 0 : (shown[index]?.left ?? 0) - (shown[index - 1]?.left ?? 0) - 24);
  return (
    <ol class="marks" aria-hidden="true">
      {shown.map(({ mark, number, left }, index) => {
        const isBefore = roomAfter(index) < LABEL;
        const room = isBefore ? roomBefore(index) : roomAfter(index);
        return (
          <li key={number} style={{ insetInlineStart: `${left}px`, blockSize: `${height - BOTTOM}px` }}>
            <b>{number}</b>
            {hasTexts && room >= LABEL && (
              <span dir="auto" data-side={isBefore ? "before" : "after"} style={{ maxInlineSize: `${room}px` }}>
                {mark.group ? `${mark.group}: ${mark.text}` : mark.text}
              </span>
            )}
          </li>
        );
      })}
    </ol>
  );
}

function Table({ measure, t, moment }: { measure: Measure; t: number[]; moment(index: number): string }) {
  return (
    <div class="scroller" tabIndex={0} role="region" aria-label={`${measure.title} as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {measure.lanes.map((lane) => (
              <th scope="col" class="number" key={lane.label}>
                {lane.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {t.map((time, index) => (
            <tr key={time}>
              <th scope="row">{moment(index)}</th>
              {measure.lanes.map((lane) => (
                <td class="number" key={lane.label}>
                  {value(lane.values[index], measure.told)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function value(held: number | null | undefined, told: (value: number) => string): string {
  return held === null || held === undefined ? "–" : told(held);
}

function bucketName(t: number[], index: number, step: number, clock: (date: Date) => string, day: (date: Date) => string): string {
  const start = new Date((t[index] ?? 0) * 1000);
  if (step >= 86400) return day(start);
  const end = new Date(start.getTime() + step * 1000);
  return `${day(start).slice(5)} ${clock(start)}–${clock(end)}`;
}

function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => entry && entry.contentRect.width > 0 && setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return [box, width] as const;
}
