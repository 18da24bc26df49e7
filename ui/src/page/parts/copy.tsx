/** A button that copies an id or a part, and confirms it. */

import { useEffect, useState } from "preact/hooks";
import { useSession } from "../session";
import { Icon } from "./icon";

interface Props {
  /** The text to copy; a function if it takes long to create. */
  text: string | (() => string);
  what: string;
  label?: string;
}

export function Copy({ text, what, label }: Props) {
  const { announce } = useSession();
  const [state, setState] = useState<"" | "copied" | "refused">("");
  useEffect(() => {
    if (!state) return;
    const timer = setTimeout(() => setState(""), 1800);
    return () => clearTimeout(timer);
  }, [state]);

  const copy = async () => {
    const isDone = await copied(typeof text === "string" ? text : text());
    setState(isDone ? "copied" : "refused");
    announce(isDone ? `Copied ${what}` : "The browser does not let this page copy.");
  };
  return (
    <button type="button" class={label ? "" : "plain small"} onClick={() => void copy()} title={`Copy ${what}`} data-testid="copy">
      <Icon name={state === "copied" ? "ok" : state === "refused" ? "failed" : "copy"} />
      {label ?? <span class="unseen">Copy {what}</span>}
    </button>
  );
}

/** A sandboxed frame may have no clipboard access. The older way works within a click. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    return isDone;
  }
}
