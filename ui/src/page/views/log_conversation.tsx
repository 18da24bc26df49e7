/** The conversation in turns: tool calls folded together with their results, reasoning separate. */

import { useEffect, useMemo, useRef } from "preact/hooks";
import { Copy } from "../parts/copy";
import { Icon } from "../parts/icon";
import { Notice } from "../parts/notice";
import { LoggedText, readable } from "../parts/text";
import { useSession } from "../session";
import type { Body, Log, Part, Side, Turn } from "../shapes";
import type { Place } from "./log";
import { type Found, highlight } from "./log_search";

/** A tool's result, and the turn that contains it. */
interface Result {
  part: Extract<Part, { kind: "tool_result" }>;
  pointer: string;
  side: Side;
}

interface Spoken {
  side: Side;
  turn: Turn;
  parts: Part[];
  /** How many turns the server left out before this one. */
  skipped: number;
}

interface Props {
  log: Log;
  found: Found | undefined;
  show(place: Place): void;
}

export function Conversation({ log, found, show }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const results = useMemo(() => resultsIn(log), [log]);
  const turns = useMemo(() => [...spokenIn("request", log.request, results), ...spokenIn("response", log.response, results)], [log, results]);
  const at = found?.matches[found.at];
  useEffect(() => highlight(box.current, found?.text ?? ""), [found?.text, turns]);
  useEffect(() => {
    if (!at || !box.current) return;
    const all = [...box.current.querySelectorAll<HTMLElement>(`[data-side=${at.side}]`)].filter(({ dataset }) => `${at.pointer}/`.startsWith(`${dataset["pointer"]}/`));
    const place = all.at(-1);
    if (!place) return;
    for (const folded of [place, ...place.querySelectorAll<HTMLElement>("details")]) {
      if (folded instanceof HTMLDetailsElement && folded.textContent.toLowerCase().includes(found?.text.toLowerCase() ?? "")) folded.open = true;
    }
    place.scrollIntoView({ block: "center" });
  }, [at]);

  return (
    <div class="conversation" ref={box} data-testid="conversation">
      <About body={log.request} side="request" />
      {turns.map((spoken) => (
        <TurnView key={`${spoken.side} ${spoken.turn.n}`} spoken={spoken} results={results} show={show} />
      ))}
      <About body={log.response} side="response" />
      {!turns.length && <Notice kind="empty">No conversation is known in these bodies: the request and the response show what they hold.</Notice>}
    </div>
  );
}

/** What a body contains besides turns: shown before them for a request, after them for a response. */
function About({ body, side }: { body: Body; side: Side }) {
  if (!body.stored) {
    return (
      <Notice kind="note">
        {side === "request" ? "Request" : "Response"}: {body.note ?? "not stored."}
      </Notice>
    );
  }
  const { lead, parameters = [], tools = [], turns = [], why, broken, error, note, notes = [] } = body;
  return (
    <div class="about" data-testid={`about-${side}`}>
      {error && <p class="alarm" dir="auto">{error}</p>}
      {broken && <p class="alarm" dir="auto">{broken}</p>}
      {why && <p dir="auto">{why}</p>}
      {note && <p class="hint" dir="auto">{note}</p>}
      {lead && (side === "request" || turns.length > 0) && <p class="hint lead" dir="auto">{lead}</p>}
      {parameters.length > 0 && side === "request" && (
        <ul class="pairs" aria-label="Parameters">
          {parameters.map(([name, value]) => (
            <li key={name}>
              <bdi>{name}</bdi> <b dir="auto">{value.slice(0, 200)}</b>
            </li>
          ))}
        </ul>
      )}
      {tools.length > 0 && (
        <details>
          <summary>{tools.length === 1 ? "1 tool" : `${tools.length} tools`} offered</summary>
          <ul class="pairs">
            {tools.map((tool) => (
              <li key={tool} dir="auto">
                {tool}
              </li>
            ))}
          </ul>
        </details>
      )}
      {notes.map((note) => (
        <p class="hint" dir="auto" key={note}>
          {note}
        </p>
      ))}
    </div>
  );
}

interface TurnProps {
  spoken: Spoken;
  results: Map<string, Result>;
  show(place: Place): void;
}

function TurnView({ spoken: { side, turn, parts, skipped }, results, show }: TurnProps) {
  const readOn = () => show({ side, pointer: turn.pointer });
  const text = () => parts.map((part) => ("text" in part ? part.text : part.kind === "tool_call" ? `${part.name}(${part.arguments})` : "")).join("\n");
  return (
    <>
      {skipped > 0 && <p class="skipped">{skipped === 1 ? "1 turn is" : `${skipped} turns are`} left out here: the request shows them raw.</p>}
      <article class="turn" data-side={side} data-role={turn.role} data-pointer={turn.pointer} data-testid="turn">
        <header>
          <b>{side === "response" && turn.role === "assistant" ? "reply" : turn.role}</b>
          <span class="hint">{side === "request" ? turn.n : ""}</span>
          <Copy text={text} what="this turn" />
        </header>
        <div>
          {turn.refusal && <p class="alarm">The model refused.</p>}
          {!!turn.parts_left && <p class="hint">{turn.parts_left} more parts of this turn are not shown: its raw text has them.</p>}
          {parts.map((part, index) => (
            <PartView key={index} part={part} results={results} readOn={readOn} />
          ))}
        </div>
      </article>
    </>
  );
}

interface PartProps {
  part: Part;
  results: Map<string, Result>;
  readOn(): void;
}

function PartView({ part, results, readOn }: PartProps) {
  const { format } = useSession();
  switch (part.kind) {
    case "text":
      return <LoggedText text={part.text} left={part.left} readOn={readOn} />;
    case "reasoning":
      return (
        <details class="reasoning" data-testid="reasoning">
          <summary>Reasoning, {format.count(part.text.length + (part.left ?? 0))} characters</summary>
          <LoggedText text={part.text} left={part.left} readOn={readOn} />
        </details>
      );
    case "tool_call":
      return <ToolCall part={part} result={part.id ? results.get(part.id) : undefined} readOn={readOn} />;
    case "tool_result":
      return (
        <details class="tool" data-testid="tool-result">
          <summary>
            <Icon name="tool" /> result <bdi class="preview">{part.text.slice(0, 120)}</bdi>
          </summary>
          <LoggedText text={readable(part.text)} kind="code" left={part.left} readOn={readOn} />
        </details>
      );
    case "media":
      return (
        <p class="media" data-testid="media" dir="auto">
          {part.text}
        </p>
      );
    case "citation":
      return (
        <p class="citation" dir="auto">
          {[part.title, part.url].filter(Boolean).join(" · ")}
          {part.quote && <q>{part.quote}</q>}
        </p>
      );
  }
}

interface ToolCallProps {
  part: Extract<Part, { kind: "tool_call" }>;
  result: Result | undefined;
  readOn(): void;
}

function ToolCall({ part, result, readOn }: ToolCallProps) {
  return (
    <details class="tool" data-testid="tool-call" data-side={result?.side} data-pointer={result?.pointer}>
      <summary>
        <Icon name="tool" /> <b dir="auto">{part.name.slice(0, 100)}</b>
        <bdi class="preview">{part.arguments.slice(0, 120)}</bdi>
        {part.invalid && (
          <span class="badge" data-mark="failed">
            invalid JSON
          </span>
        )}
        {result && <bdi class="preview result">{result.part.text.slice(0, 120)}</bdi>}
      </summary>
      <div class="beside">
        <section>
          <h4>Arguments</h4>
          <LoggedText text={readable(part.arguments)} kind="code" left={part.left} readOn={readOn} />
        </section>
        <section>
          <h4>Result</h4>
          {result ? <LoggedText text={readable(result.part.text)} kind="code" left={result.part.left} readOn={readOn} /> : <p class="hint">None is in these bodies.</p>}
        </section>
      </div>
    </details>
  );
}

function turnsOf(body: Body): Turn[] {
  return body.stored ? (body.turns ?? []) : [];
}

function resultsIn(log: Log): Map<string, Result> {
  const calls = new Set<string>();
  const results = new Map<string, Result>();
  for (const side of ["request", "response"] as const) {
    for (const { parts, pointer } of turnsOf(log[side])) {
      for (const part of parts) {
        if (part.kind === "tool_call" && part.id) calls.add(part.id);
        if (part.kind === "tool_result" && part.id && calls.has(part.id) && !results.has(part.id)) results.set(part.id, { part, pointer, side });
      }
    }
  }
  return results;
}

/** Returns the turns with something to show. Results shown beside their calls aren't repeated. */
function spokenIn(side: Side, body: Body, results: Map<string, Result>): Spoken[] {
  const paired = new Set<Part>([...results.values()].map(({ part }) => part));
  let last: number | undefined;
  return turnsOf(body).flatMap((turn) => {
    const skipped = last === undefined ? 0 : Math.max(0, turn.n - last - 1);
    last = turn.n;
    const parts = turn.parts.filter((part) => !paired.has(part));
    return parts.length || turn.refusal || skipped ? [{ side, turn, parts, skipped }] : [];
  });
}
