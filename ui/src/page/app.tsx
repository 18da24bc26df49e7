/** The shell: what the page shows, the four views, and navigation between them. */

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Format } from "./format";
import type { Host, HostState } from "./host";
import { messageOf } from "./load";
import { firstView } from "./opening";
import { Notice } from "./parts/notice";
import { Tabs } from "./parts/tabs";
import { Toolbar } from "./parts/toolbar";
import { narrowed } from "./scope";
import { type Route, type Session, SessionContext } from "./session";
import type { Scope } from "./shapes";
import { dress, fillsHost } from "./theme";
import { LogView } from "./views/log";
import { LogsView } from "./views/logs";
import { OverviewView } from "./views/overview";
import { RunView } from "./views/run";

/** How long the page waits for the tool call that it was opened for, before it shows the overview. */
const OPENING_MS = 400;

const MOST_PLACES = 50; // entries that one can go back through

interface Place {
  route: Route;
  scope: Scope;
  /** The scroll position when it was left. */
  top?: number;
}

export function App({ host }: { host: Host }) {
  const [state, setState] = useState<HostState>(host.state);
  const [problem, setProblem] = useState("");
  const [isReady, setReady] = useState(false);

  const { context, opening } = state;
  useEffect(() => {
    host.onChange = setState;
    host.connect().then(
      () => window.setTimeout(() => setReady(true), host.state.context.toolInfo ? OPENING_MS : 0),
      (error: unknown) => setProblem(`${messageOf(error)} This page is shown by an MCP host, or at the address that the ui command prints.`),
    );
  }, [host]);
  useEffect(() => dress(context), [context]);
  useSizeReports(host, fillsHost(context));

  if (problem) return <Notice kind="error">{problem}</Notice>;
  if (!isReady && !opening) return <Notice kind="loading">Meeting the host…</Notice>;
  return <Page key={JSON.stringify([opening?.tool, opening?.arguments])} host={host} state={state} />;
}

function Page({ host, state: { context, opening, isDenied } }: { host: Host; state: HostState }) {
  const first = useMemo(() => firstView(opening), []);
  const [places, setPlaces] = useState<Place[]>([{ route: first.route, scope: first.scope }]);
  const [groupBy, setGroupBy] = useState(first.groupBy);
  const [compareTo, setCompareTo] = useState(first.compareTo);
  const [isLocal, setLocal] = useState(false);
  const [said, announce] = useState("");
  const visited = useRef(new Set<string>());

  const { route, scope } = places.at(-1) as Place;
  visited.current.add(route.view);
  const zone = isLocal ? (context.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone) : "UTC";
  const format = useMemo(() => new Format(context.locale ?? navigator.language, zone), [context.locale, zone]);
  const main = useRef<HTMLElement>(null);
  const go = useCallback((to: Route, within?: Scope) => {
    const top = main.current?.scrollTop ?? 0;
    setPlaces((held) => {
      const here = held.at(-1) as Place;
      return [...held.slice(-MOST_PLACES, -1), { ...here, top }, { route: to, scope: within ?? here.scope }];
    });
  }, []);
  const back = useCallback(() => setPlaces((held) => (held.length > 1 ? held.slice(0, -1) : held)), []);
  const fills = fillsHost(context);
  const session = useMemo<Session>(() => {
    const narrow = (by: Scope) => go(route, narrowed(scope, by));
    return { host, format, route, scope, fills, go, narrow, back, announce };
  }, [host, format, scope, fills, route, go, back]);
  const last = <V extends Route["view"]>(view: V) => places.findLast((place) => place.route.view === view)?.route as Extract<Route, { view: V }> | undefined;
  useArrival(main, places.at(-1) as Place);
  const log = last("log");
  const run = last("run");

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented || places.length < 2) return;
    event.preventDefault();
    back();
  };

  return (
    <SessionContext.Provider value={session}>
      <div class="page" data-fills={fills} onKeyDown={onKeyDown}>
        <p class="unseen" role="status" aria-live="polite" data-testid="announcement">
          {said}
        </p>
        <header class="bar">
          <Tabs route={route} log={log} run={run} canGoBack={places.length > 1} />
          <Toolbar isLocal={isLocal} setLocal={setLocal} modes={context.availableDisplayModes ?? []} />
        </header>
        <main ref={main}>
          {visited.current.has("overview") && (
            <OverviewView isActive={route.view === "overview"} {...{ groupBy, setGroupBy, compareTo, setCompareTo }} />
          )}
          {visited.current.has("logs") && <LogsView isActive={route.view === "logs"} />}
          {route.view === "log" && <LogView key={route.id} id={route.id} other={route.other} />}
          {route.view === "run" && <RunView key={JSON.stringify(route)} id={route.id} metadata={route.metadata} />}
          {opening?.text && <Told text={opening.text} isOpen={isDenied === true || !host.offers("page_overview")} />}
        </main>
      </div>
    </SessionContext.Provider>
  );
}

/** A view starts at the top, or where it was left. Focus moves along for screen readers. */
function useArrival(main: { current: HTMLElement | null }, { route, top = 0 }: Place): void {
  const where = `${route.view} ${"id" in route ? route.id : ""}`;
  const last = useRef(where);
  useEffect(() => {
    if (last.current === where) return;
    last.current = where;
    if (main.current) main.current.scrollTop = top;
    const focused = document.activeElement;
    if (focused instanceof HTMLElement && focused !== document.body && focused.checkVisibility()) return;
    const panel = document.getElementById(`view-${route.view}`);
    (panel?.querySelector<HTMLElement>("[role=grid]") ?? panel)?.focus({ preventScroll: true });
  }, [where]);
}

/** What the tool told the chat: everything there is to see in a host that denies calls. */
function Told({ text, isOpen }: { text: string; isOpen: boolean }) {
  return (
    <details class="told" open={isOpen} data-testid="told">
      <summary>What the tool told the chat</summary>
      <pre dir="auto" tabIndex={0}>
        {text.slice(0, 60_000)}
      </pre>
    </details>
  );
}

/** Reports the page's size to a host that lets it grow. */
function useSizeReports(host: Host, fills: boolean): void {
  useEffect(() => {
    if (fills) return;
    let last = 0;
    const observer = new ResizeObserver(() => {
      const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
      if (height !== last) host.sizeChanged(document.documentElement.clientWidth, (last = height));
    });
    observer.observe(document.documentElement);
    return () => observer.disconnect();
  }, [host, fills]);
}
