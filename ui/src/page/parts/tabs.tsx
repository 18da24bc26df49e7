/** The four views as tabs. Log and run are enabled once one was chosen. */

import { useRef } from "preact/hooks";
import { type Route, type View, useSession } from "../session";
import { Icon } from "./icon";

const NAMES: [View, string][] = [
  ["overview", "Overview"],
  ["logs", "Logs"],
  ["log", "Log"],
  ["run", "Run"],
];

interface Props {
  route: Route;
  log: Route | undefined;
  run: Route | undefined;
  canGoBack: boolean;
}

export function Tabs({ route, log, run, canGoBack }: Props) {
  const { go, back } = useSession();
  const list = useRef<HTMLDivElement>(null);
  const targets: Record<View, Route | undefined> = { overview: { view: "overview" }, logs: { view: "logs" }, log, run };

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const open = NAMES.filter(([view]) => targets[view]);
    const at = open.findIndex(([view]) => view === route.view);
    const [view] = open[(at + step + open.length) % open.length] ?? ["overview" as const];
    go(targets[view] ?? { view: "overview" });
    list.current?.querySelector<HTMLElement>(`#tab-${view}`)?.focus();
  };

  return (
    <nav class="tabs" aria-label="Views">
      <button type="button" class="plain" disabled={!canGoBack} onClick={back} aria-label="Back" title="Back (Escape)" data-testid="back">
        <Icon name="back" />
      </button>
      <div role="tablist" aria-label="Views" ref={list} onKeyDown={onKeyDown}>
        {NAMES.map(([view, name]) => {
          const target = targets[view];
          const isSelected = view === route.view;
          return (
            <button
              type="button"
              role="tab"
              key={view}
              id={`tab-${view}`}
              data-testid={`tab-${view}`}
              aria-selected={isSelected}
              aria-controls={isSelected ? `view-${view}` : undefined}
              tabIndex={isSelected ? 0 : -1}
              disabled={!target}
              onClick={() => target && !isSelected && go(target)}
            >
              {name}
            </button>
          );
        })}
      </div>
    </nav>
  );
}
