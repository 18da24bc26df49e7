/** The columns of the table of logs: their widths, cell formats, and which ones a narrow table leaves out. */

import type { ComponentChildren } from "preact";
import { type Format, known } from "../format";
import { Icon } from "../parts/icon";
import type { Row } from "../shapes";

export interface Column {
  id: string;
  name: string;
  width: string;
  /** The table width in pixels below which the column is left out. */
  from: number;
  isNumber?: boolean;
  order?: string;
  /** Whether a row has something to show here. A column without values is left out. */
  isIn?(row: Row): boolean;
  cell(row: Row, format: Format): ComponentChildren;
}

const TODAY = new Date();

export const COLUMNS: Column[] = [
  { id: "outcome", name: "", width: "26px", from: 0, cell: (row) => <Outcome row={row} /> },
  {
    id: "time", name: "Time", width: "minmax(74px, max-content)", from: 0, order: "created_at",
    cell: (row, format) => <time dateTime={row.created_at}>{format.clock(new Date(row.created_at), TODAY)}</time>,
  },
  { id: "model", name: "Model", width: "minmax(130px, 2fr)", from: 0, order: "model", cell: (row) => <Text of={nameOf(row)} /> },
  { id: "status", name: "Status", width: "60px", from: 420, isNumber: true, order: "success", cell: (row) => row.status ?? "–" },
  { id: "what", name: "What", width: "minmax(110px, 1.6fr)", from: 560, cell: (row) => <What row={row} /> },
  { id: "seconds", name: "Duration", width: "78px", from: 420, isNumber: true, order: "duration", cell: (row, format) => known(row.seconds, (held) => format.seconds(held)) },
  { id: "tokens_in", name: "In", width: "62px", from: 760, isNumber: true, order: "tokens_in", cell: (row, format) => known(row.tokens_in, (held) => format.short(held)) },
  { id: "tokens_out", name: "Out", width: "62px", from: 760, isNumber: true, order: "tokens_out", cell: (row, format) => known(row.tokens_out, (held) => format.short(held)) },
  { id: "cost", name: "Cost", width: "100px", from: 640, isNumber: true, order: "cost", cell: (row, format) => known(row.cost, (held) => format.dollars(held)) },
  { id: "session", name: "Session", width: "minmax(80px, 1fr)", from: 1250, isIn: (row) => !!row.session, cell: (row) => <Text of={row.session} /> },
  { id: "metadata", name: "Metadata", width: "minmax(140px, 2fr)", from: 960, isIn: (row) => metadataOf(row) !== "", cell: (row) => <Text of={metadataOf(row)} /> },
]; // prettier-ignore

export function nameOf({ model, provider }: Row): string {
  if (!model) return provider ?? "unknown model";
  return provider && !model.includes("/") ? `${provider}/${model}` : model;
}

export function metadataOf({ metadata = {} }: Row): string {
  return Object.entries(metadata).map(([key, value]) => `${key}=${String(value)}`).join(" ");
}

/** Failed calls are marked by shape and by word, not just by color. */
export function Outcome({ row }: { row: Pick<Row, "ok"> }) {
  return (
    <span class="outcome" data-ok={row.ok}>
      <Icon name={row.ok ? "ok" : "failed"} label={row.ok ? "ok" : "failed"} />
    </span>
  );
}

export function What({ row: { ok, what, cached, step, feedback } }: { row: Row }) {
  const notes = [
    !ok && (what ?? "failed"),
    ok && what,
    cached && "from cache",
    step ? `step ${step}` : "",
    feedback === 1 && "rated good",
    feedback === -1 && "rated bad",
  ].filter(Boolean);
  return <span data-ok={ok}>{notes.join(" · ")}</span>;
}

function Text({ of }: { of: string | undefined }) {
  return of ? <bdi title={of.slice(0, 300)}>{of.slice(0, 300)}</bdi> : null;
}
