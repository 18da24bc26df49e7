/** Loads data through the host. The old data stays until the new data arrives. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<T> {
  data?: T;
  error?: string;
  isLoading: boolean;
  reload(): void;
}

interface State<T> {
  key?: string;
  data?: T;
  error?: string;
  isLoading: boolean;
}

/** Loads whenever `key` changes. An empty key loads nothing. An outdated answer is dropped. */
export function useLoad<T>(key: string, load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<State<T>>({ isLoading: key !== "" });
  const latest = useRef({ key, load, number: 0 });
  latest.current.load = load;
  latest.current.key = key;

  const reload = useCallback(() => {
    const { key: asked, load: loading } = latest.current;
    if (!asked) return;
    const number = ++latest.current.number;
    const isCurrent = () => number === latest.current.number;
    setState(({ error: _, ...held }) => ({ ...held, isLoading: true }));
    loading().then(
      (data) => isCurrent() && setState({ key: asked, data, isLoading: false }),
      (error: unknown) => isCurrent() && setState((held) => ({ ...held, error: messageOf(error), isLoading: false })),
    );
  }, []);

  useEffect(reload, [key, reload]);
  const { key: _, ...shown } = state;
  return { ...shown, reload };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Calls `tick` regularly while the page is visible. The next tick waits for a slow one. */
export function useEvery(ms: number, isOn: boolean, tick: () => Promise<void> | void): void {
  const latest = useRef(tick);
  latest.current = tick;
  useEffect(() => {
    if (!isOn) return;
    let timer = 0;
    const next = () => (timer = window.setTimeout(run, ms));
    const run = async () => {
      if (document.visibilityState === "visible") await latest.current();
      if (timer >= 0) next();
    };
    next();
    return () => {
      clearTimeout(timer);
      timer = -1;
    };
  }, [ms, isOn]);
}
