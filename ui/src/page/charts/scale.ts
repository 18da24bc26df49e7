/** Positions of values and times on a chart, and which of them are labeled. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIME_STEPS = [
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY,
]; // seconds

/** Returns about `count` round values from 0 to at least `most`. */
export function valueTicks(most: number, count: number): number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, index) => index * step);
}

/** Returns at most about `count` round times between two times, in a zone `offset` seconds ahead of UTC. */
export function timeTicks(first: number, last: number, count: number, offset: number): number[] {
  const step = TIME_STEPS.find((seconds) => (last - first) / seconds <= count) ?? Math.ceil((last - first) / count / DAY) * DAY;
  const ticks: number[] = [];
  for (let t = Math.ceil((first + offset) / step) * step - offset; t <= last; t += step) ticks.push(t);
  return ticks;
}

/** Returns the path of a line. Only more than `bridge` missing values in a row break it. */
export function linePath(values: (number | null)[], x: (index: number) => number, y: (value: number) => number, bridge: number): string {
  let path = "";
  let last = Number.NEGATIVE_INFINITY;
  values.forEach((value, index) => {
    if (value === null) return;
    const [left, top] = [x(index).toFixed(1), y(value).toFixed(1)];
    const joins = index - last <= bridge + 1;
    path += joins ? `L${left} ${top}` : `M${left} ${top}h0`;
    last = index;
  });
  return path;
}

/** Returns one path for all bars from `from` to `to`. */
export function barsPath(from: number[], to: number[], x: (index: number) => number, y: (value: number) => number, width: number): string {
  let path = "";
  to.forEach((value, index) => {
    const base = from[index] ?? 0;
    if (value <= base) return;
    const top = Math.min(y(value), y(base) - 1);
    path += `M${x(index).toFixed(1)} ${y(base).toFixed(1)}V${top.toFixed(1)}h${width.toFixed(1)}V${y(base).toFixed(1)}z`;
  });
  return path;
}
