/** Logged text: always plain text, set apart from the page's own words, and clipped until the reader wants more. */

import { useMemo, useState } from "preact/hooks";
import { useSession } from "../session";

const FIRST = 1500; // characters shown at first
const LINES = 24;
const NEXT = 20_000; // more characters shown with each click

interface Props {
  text: string;
  kind?: "prose" | "code";
  /** Characters that the server left out of the middle. */
  left?: number | undefined;
  readOn?: (() => void) | undefined;
}

export function LoggedText({ text, kind = "prose", left = 0, readOn }: Props) {
  const { format } = useSession();
  const start = useMemo(() => beginning(text), [text]);
  const [shown, setShown] = useState(start);
  const end = Math.max(start, shown);
  const rest = text.length - end;
  return (
    <div class="logged" data-kind={kind}>
      <pre dir="auto">{text.slice(0, whole(text, end))}</pre>
      {(rest > 0 || end > start || left > 0) && (
        <p class="more">
          {rest > 0 && (
            <button type="button" class="link" onClick={() => setShown(end + NEXT)} data-testid="show-more">
              Show {rest > NEXT ? "more" : "all"} ({format.count(rest)} more characters)
            </button>
          )}
          {end > start && (
            <button type="button" class="link" onClick={() => setShown(start)} data-testid="show-less">
              Show less
            </button>
          )}
          {left > 0 && rest <= 0 && (
            <span>
              {format.count(left)} characters are left out here.{" "}
              {readOn && (
                <button type="button" class="link" onClick={readOn}>
                  Read them raw
                </button>
              )}
            </span>
          )}
        </p>
      )}
    </div>
  );
}

/** Returns where to clip. A text that is hardly longer isn't clipped. */
function beginning(text: string): number {
  let at = -1;
  for (let line = 0; line < LINES; line++) {
    at = text.indexOf("\n", at + 1);
    if (at < 0) break;
  }
  const end = Math.min(at < 0 ? text.length : at, FIRST);
  return text.length - end < 200 ? text.length : end;
}

/** Never ends within a surrogate pair. */
function whole(text: string, end: number): number {
  const code = text.charCodeAt(end - 1);
  return end < text.length && code >= 0xd800 && code < 0xdc00 ? end - 1 : end;
}

/** Returns JSON with one line per member if it is small enough. */
export function readable(text: string): string {
  if (text.length > 20_000 || !/^\s*[[{]/.test(text)) return text;
  try {
    const laid = JSON.stringify(JSON.parse(text), null, 2);
    return laid.length > 3 * text.length + 200 ? text : laid;
  } catch {
    return text;
  }
}
