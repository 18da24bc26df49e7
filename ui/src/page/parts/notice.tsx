/** One sentence about the state: loading, an error, nothing found, or a note. */

import type { ComponentChildren } from "preact";
import { Icon } from "./icon";

interface Props {
  kind: "loading" | "error" | "empty" | "note";
  children: ComponentChildren;
  retry?: (() => void) | undefined;
}

export function Notice({ kind, children, retry }: Props) {
  return (
    <div class="notice" data-kind={kind} data-testid={`notice-${kind}`} role={kind === "error" ? "alert" : "status"}>
      {kind === "loading" ? <span class="spinner" aria-hidden="true" /> : <Icon name={kind === "error" ? "failed" : "info"} />}
      <span dir="auto">{children}</span>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
