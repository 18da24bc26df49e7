/** The loaded rows, merged by id. Scrolling adds more at the end; new ones appear at the top by themselves. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { messageOf, useEvery } from "../load";
import { useSession } from "../session";
import type { Row, Scope } from "../shapes";
import { type LogsOptions, type Order, tools } from "../tools";

const FIRST = 100; // rows of the first page: small, so it loads fast
const NEXT = 250; // rows of each further page
const POLL_MS = 2000;

export interface Rows {
  rows: Row[];
  total: number;
  notes: string[];
  fresh: ReadonlySet<string>;
  isLoading: boolean;
  hasMore: boolean;
  error?: string | undefined;
  more(): void;
  reload(): void;
}

interface Held {
  rows: Row[];
  total: number;
  notes: string[];
  cursor?: string | undefined;
  newest?: string | undefined;
  fresh: Set<string>;
}

const NOTHING: Held = { rows: [], total: 0, notes: [], fresh: new Set() };

export function useRows(scope: Scope, order: Order, isActive: boolean): Rows {
  const { host, announce } = useSession();
  const [held, setHeld] = useState(NOTHING);
  const [isLoading, setLoading] = useState(true);
  const [error, setError] = useState<string>();
  const question = useRef({ scope, order, number: 0, isBusy: false });
  question.current.scope = scope;
  question.current.order = order;

  const ask = useCallback(
    async (options: LogsOptions) => {
      const { scope: asked, order: by, number } = question.current;
      const answer = await tools(host).logs(asked, { ...by, ...options });
      return number === question.current.number ? answer : undefined;
    },
    [host],
  );

  const load = useCallback(
    async (cursor?: string) => {
      if (cursor && question.current.isBusy) return;
      if (!cursor) question.current.number++;
      const { number } = question.current;
      question.current.isBusy = true;
      setLoading(true);
      setError(undefined);
      try {
        const answer = await ask(cursor ? { cursor, limit: NEXT } : { limit: FIRST });
        if (!answer) return;
        const { total, notes = [], newest } = answer;
        setHeld((before) => {
          const rows = cursor ? merged(before.rows, answer.rows) : answer.rows;
          return { rows, total, notes, cursor: answer.cursor, newest: cursor ? before.newest : newest, fresh: cursor ? before.fresh : new Set() };
        });
      } catch (failure) {
        if (number === question.current.number) setError(messageOf(failure));
      } finally {
        if (number === question.current.number) {
          question.current.isBusy = false;
          setLoading(false);
        }
      }
    },
    [ask],
  );

  const poll = useCallback(async () => {
    if (question.current.isBusy) return;
    const newer = held.newest ? { newer_than: held.newest } : {};
    const answer = await ask({ ...newer, limit: FIRST }).catch(() => undefined);
    if (!answer) return;
    const known = new Set(held.rows.map((row) => row.id));
    const added = answer.rows.filter((row) => !known.has(row.id));
    if (!added.length) return;
    announce(`${added.length} new ${added.length === 1 ? "call" : "calls"}`);
    setHeld((before) => ({
      ...before,
      rows: byTime(merged(answer.rows, before.rows)),
      total: Math.max(before.total + added.length, before.rows.length + added.length),
      newest: answer.newest ?? before.newest,
      fresh: new Set(added.map((row) => row.id)),
    }));
  }, [ask, held.newest, held.rows, announce]);

  const key = JSON.stringify([scope, order]);
  useEffect(() => void load(), [key, load]);
  const isNewestFirst = order.order_by === "created_at" && order.order_by_direction === "desc";
  useEvery(POLL_MS, isActive && host.isLive && isNewestFirst && !scope.end_date && !error, poll);

  const { cursor, rows, total, notes, fresh } = held;
  const more = () => cursor !== undefined && !error && void load(cursor);
  return { rows, total, notes, fresh, isLoading, hasMore: cursor !== undefined, error, more, reload: () => void load() };
}

/** Rows of both, each id once. If both have it, `first` wins. */
function merged(first: Row[], second: Row[]): Row[] {
  const seen = new Set(first.map((row) => row.id));
  return [...first, ...second.filter((row) => !seen.has(row.id))];
}

function byTime(rows: Row[]): Row[] {
  return rows.toSorted((one, other) => (one.created_at < other.created_at ? 1 : one.created_at > other.created_at ? -1 : 0));
}
