/** The table itself. Only visible rows are in the page, so ten thousand scroll like ten. */

import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Format } from "../format";
import { useSession } from "../session";
import type { Row } from "../shapes";
import type { Order } from "../tools";
import { COLUMNS, type Column, Outcome, What, nameOf } from "./logs_columns";

const ROW = 30; // pixels
const CARD = 62; // pixels of a row in a narrow table, which has two lines
const CARDS_BELOW = 420; // pixels of width
const AROUND = 4; // rows kept above and below the visible ones
const NEAR = 60; // rows from the end at which the next are requested

interface Props {
  rows: Row[];
  fresh: ReadonlySet<string>;
  order: Order;
  setOrder(order: Order): void;
  more(): void;
}

export function LogsTable({ rows, fresh, order, setOrder, more }: Props) {
  const { go } = useSession();
  const scroller = useRef<HTMLDivElement>(null);
  const { width, height, top, onScroll } = useSight(scroller);
  const [active, setActive] = useState("");
  const isCards = width < CARDS_BELOW;
  const row = isCards ? CARD : ROW;
  const columns = useMemo(() => columnsFor(rows, width), [rows, width]);
  const template = columns.map((column) => (column.id === "time" ? timeWidth(rows) : column.width)).join(" ");
  const first = Math.max(0, Math.floor(top / row) - AROUND);
  const last = Math.min(rows.length, Math.ceil((top + height) / row) + AROUND);
  const slots = Math.ceil(height / row) + 2 * AROUND + 1; // row elements are reused
  const at = rows.findIndex((held) => held.id === active);

  useKept(scroller, rows, row);
  useEffect(() => {
    if (last > rows.length - NEAR) more();
  }, [last, rows.length]);

  const open = useCallback(
    (id: string) => {
      setActive(id);
      go({ view: "log", id });
    },
    [go],
  );
  const move = (to: number) => {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    const box = scroller.current;
    if (!box || !rows[index]) return;
    setActive(rows[index].id);
    const head = isCards ? 0 : ROW;
    const hidden = box.clientHeight - head;
    if (index * row < box.scrollTop) box.scrollTop = index * row;
    else if ((index + 1) * row > box.scrollTop + hidden) box.scrollTop = (index + 1) * row - hidden;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / row) - 2);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      move(to);
    } else if (event.key === "Enter" && active) {
      event.preventDefault();
      open(active);
    }
  };

  return (
    <div
      class="grid"
      role="grid"
      aria-label="Logs"
      aria-rowcount={rows.length + 1}
      aria-activedescendant={at >= first && at < last ? `row-${active}` : undefined}
      tabIndex={0}
      ref={scroller}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      data-testid="logs-table"
      data-cards={isCards}
    >
      <div role="rowgroup" class="head" hidden={isCards}>
        <div role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
          {columns.map((column) => (
            <Header key={column.id} {...{ column, order, setOrder }} />
          ))}
        </div>
      </div>
      <div role="rowgroup" class="rows" style={{ blockSize: `${rows.length * row}px` }}>
        {rows.slice(first, last).map((held, index) => (
          <RowView
            key={(first + index) % slots}
            row={held}
            index={first + index}
            height={row}
            columns={isCards ? undefined : columns}
            template={template}
            isActive={held.id === active}
            isFresh={fresh.has(held.id)}
            open={open}
          />
        ))}
      </div>
    </div>
  );
}

interface RowProps {
  row: Row;
  index: number;
  height: number;
  /** None if the table is too narrow for columns. */
  columns: Column[] | undefined;
  template: string;
  isActive: boolean;
  isFresh: boolean;
  open(id: string): void;
}

/** A visible row is created once, however often the table scrolls. */
function RowView({ row, index, height, columns, template, isActive, isFresh, open }: RowProps) {
  const { format } = useSession();
  return useMemo(
    () => (
      <div
        id={`row-${row.id}`}
        role="row"
        aria-rowindex={index + 2}
        aria-selected={isActive}
        data-testid="log-row"
        data-log-id={row.id}
        data-ok={row.ok}
        data-fresh={isFresh}
        style={{ transform: `translateY(${index * height}px)`, blockSize: `${height}px`, gridTemplateColumns: columns ? template : "" }}
        onClick={() => open(row.id)}
      >
        {columns ? columns.map((column) => <Cell key={column.id} {...{ column, row, format }} />) : <Card row={row} />}
      </div>
    ),
    [row, index, height, columns, template, isActive, isFresh, open, format],
  );
}

function Header({ column, order, setOrder }: { column: Column; order: Order; setOrder(order: Order): void }) {
  const { id, name, order: by } = column;
  const isSorted = by !== undefined && by === order.order_by;
  const isDown = order.order_by_direction === "desc";
  const turn = () => by && setOrder({ order_by: by, order_by_direction: isSorted && isDown ? "asc" : "desc" });
  return (
    <div role="columnheader" class={column.isNumber ? "number" : undefined} aria-sort={isSorted ? (isDown ? "descending" : "ascending") : undefined}>
      {by ? (
        <button type="button" class="plain" tabIndex={-1} onClick={turn} data-testid={`sort-${id}`}>
          {name}
          {isSorted && <span aria-hidden="true">{isDown ? "↓" : "↑"}</span>}
        </button>
      ) : (
        name || <span class="unseen">Outcome</span>
      )}
    </div>
  );
}

function Cell({ column, row, format }: { column: Column; row: Row; format: Format }) {
  return (
    <div role="gridcell" class={column.isNumber ? "number" : undefined} data-column={column.id}>
      {column.cell(row, format)}
    </div>
  );
}

function Card({ row }: { row: Row }) {
  const { format } = useSession();
  const figures = [row.seconds !== undefined && format.seconds(row.seconds), row.cost !== undefined && format.dollars(row.cost)].filter(Boolean);
  return (
    <div role="gridcell" class="card">
      <Outcome row={row} />
      <bdi>{nameOf(row)}</bdi>
      <b>{row.status}</b>
      <span class="second">
        <time dateTime={row.created_at}>{format.clock(new Date(row.created_at), new Date())}</time> <What row={row} />
      </span>
      <span class="number">{figures.join(", ")}</span>
    </div>
  );
}

/** The visible part of the table. */
function useSight(scroller: { current: HTMLDivElement | null }) {
  const [sight, setSight] = useState({ width: 0, height: 0, top: 0 });
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const measure = () => box.clientWidth && setSight({ width: box.clientWidth, height: box.clientHeight, top: box.scrollTop });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  const onScroll = (event: { currentTarget: HTMLDivElement }) => {
    const { scrollTop: top } = event.currentTarget;
    setSight((held) => (Math.abs(held.top - top) < 1 ? held : { ...held, top }));
  };
  return { ...sight, onScroll };
}

/** Keeps visible rows in place when new ones appear above them. */
function useKept(scroller: { current: HTMLDivElement | null }, rows: Row[], height: number): void {
  const before = useRef<Row[]>([]);
  useLayoutEffect(() => {
    const box = scroller.current;
    const [first] = before.current;
    const added = first ? rows.findIndex((row) => row.id === first.id) : 0;
    if (box && added > 0 && box.scrollTop > 0) box.scrollTop += added * height;
    before.current = rows;
  }, [rows]);
}

function columnsFor(rows: Row[], width: number): Column[] {
  return COLUMNS.filter(({ from, isIn }) => width >= from && (!isIn || rows.some(isIn)));
}

/** Rows of today need no day. The column is as wide as its widest cell, in every row. */
function timeWidth(rows: Row[]): string {
  const isToday = (row: Row | undefined) => !row || row.created_at.slice(0, 10) === new Date().toISOString().slice(0, 10);
  return isToday(rows[0]) && isToday(rows.at(-1)) ? "74px" : "110px";
}
