/** Search within both bodies of a log: number of matches, their places, and stepping through them. */

import { useState } from "preact/hooks";
import { Entry } from "../parts/entry";
import { Icon } from "../parts/icon";
import { messageOf } from "../load";
import { useSession } from "../session";
import type { Match, Matches, Side } from "../shapes";
import { type LogRef, tools } from "../tools";
import type { Place } from "./log";

const SIDES: Side[] = ["request", "response"];
const NAME = "found";

export interface Found {
  text: string;
  matches: (Match & { side: Side })[];
  count: number;
  at: number;
}

interface Props {
  reference: LogRef;
  found: Found | undefined;
  setFound(found: Found | undefined): void;
  show(place: Place): void;
  reveal(): void;
}

export function Search({ reference, found, setFound, show, reveal }: Props) {
  const { host, announce } = useSession();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const match = found?.matches[found.at];

  const search = async () => {
    const wanted = text.trim();
    setProblem("");
    if (!wanted) return setFound(undefined);
    if (found?.text === wanted) return step(1);
    try {
      const answers = await Promise.all(SIDES.map((side) => tools(host).search(reference, side, wanted).catch(nothingIn)));
      const matches = answers.flatMap((answer, index) => answer.matches.map((held) => ({ ...held, side: SIDES[index] as Side })));
      const count = answers.reduce((sum, answer) => sum + answer.count, 0);
      setFound({ text: wanted, matches, count, at: 0 });
      announce(count === 1 ? "Found once" : `Found ${count} times`);
      reveal();
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  const step = (by: number) => {
    if (!found?.matches.length) return;
    setFound({ ...found, at: (found.at + by + found.matches.length) % found.matches.length });
    reveal();
  };
  const clear = () => {
    setText("");
    setFound(undefined);
  };

  return (
    <Entry label="Search both bodies" class="search" role="search" testId="search-entry" submit={() => void search()}>
      <span class="field">
        <Icon name="search" />
        <input
          type="search"
          placeholder="Search both bodies"
          aria-label="Search both bodies"
          value={text}
          onInput={(event) => (setText(event.currentTarget.value), event.currentTarget.value || clear())}
          onKeyDown={(event) => event.key === "Escape" && text && (event.preventDefault(), clear())}
          data-testid="search"
        />
      </span>
      {found && (
        <span class="places">
          <span data-testid="search-count">{found.count ? `${found.at + 1} of ${found.count}` : "not found"}</span>
          <button type="button" class="plain" disabled={found.matches.length < 2} onClick={() => step(-1)} aria-label="Previous match" data-testid="search-previous">
            ↑
          </button>
          <button type="button" class="plain" disabled={found.matches.length < 2} onClick={() => step(1)} aria-label="Next match" data-testid="search-next">
            ↓
          </button>
        </span>
      )}
      {match && (
        <p class="match" data-testid="match">
          <Around text={match.around} wanted={found?.text ?? ""} />
          <button type="button" class="link" onClick={() => show({ side: match.side, pointer: match.pointer, offset: match.offset })}>
            <bdi>
              {match.side} {match.pointer}
            </bdi>
          </button>
        </p>
      )}
      {problem && <p class="alarm" role="alert">{problem}</p>}
    </Entry>
  );
}

function Around({ text, wanted }: { text: string; wanted: string }) {
  const at = text.toLowerCase().indexOf(wanted.toLowerCase());
  if (at < 0) return <span dir="auto">{text}</span>;
  const end = at + wanted.length;
  return (
    <span dir="auto">
      {text.slice(0, at)}
      <mark>{text.slice(at, end)}</mark>
      {text.slice(end)}
    </span>
  );
}

/** A body that isn't stored has no match; the other may. */
function nothingIn(error: unknown): Matches {
  if (/not stored|no .*body/i.test(messageOf(error))) return { part: "request", matches: [], count: 0 };
  throw error;
}

/** Marks every visible occurrence without touching the text: the browser paints over it. */
export function highlight(box: HTMLElement | null, text: string): void {
  const highlights = globalThis.CSS?.highlights;
  if (!highlights) return;
  highlights.delete(NAME);
  if (!box || !text) return;
  const wanted = text.toLowerCase();
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && ranges.length < 2000; node = walker.nextNode()) {
    const held = node.nodeValue?.toLowerCase() ?? "";
    for (let at = held.indexOf(wanted); at >= 0 && ranges.length < 2000; at = held.indexOf(wanted, at + wanted.length)) {
      if (at + wanted.length > (node.nodeValue?.length ?? 0)) break;
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      ranges.push(range);
    }
  }
  highlights.set(NAME, new Highlight(...ranges));
}
