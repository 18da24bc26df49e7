/** A stored body, masked, one stretch at a time; or its outline. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Copy } from "../parts/copy";
import { Notice } from "../parts/notice";
import { messageOf, useLoad } from "../load";
import { useSession } from "../session";
import type { Body, BodyText, Side, StoredBody } from "../shapes";
import { type LogRef, tools } from "../tools";
import type { Place } from "./log";

interface Props {
  reference: LogRef;
  side: Side;
  body: Body;
  place: Place | undefined;
}

export function Raw({ reference, side, body, place }: Props) {
  const [view, setView] = useState<"raw" | "outline">("raw");
  if (!body.stored) return <Notice kind="note">{body.note ?? "This body is not stored."}</Notice>;
  return (
    <div class="raw" data-testid={`raw-${side}`}>
      <div class="switch" role="group" aria-label="As">
        {(["raw", "outline"] as const).map((which) => (
          <button type="button" key={which} aria-pressed={view === which} onClick={() => setView(which)} data-testid={`as-${which}`}>
            {which === "raw" ? "Raw" : "Outline"}
          </button>
        ))}
      </div>
      {view === "outline" ? <Outlined {...{ reference, side, body }} /> : <Stretches {...{ reference, side, place }} />}
    </div>
  );
}

function Outlined({ reference, side, body }: { reference: LogRef; side: Side; body: StoredBody }) {
  const { host } = useSession();
  const { data, error, isLoading } = useLoad(body.outline ? "" : JSON.stringify([reference, side]), () => tools(host).outline(reference, side));
  const { lead, lines = [], left = 0 } = body.outline ?? data ?? {};
  return (
    <>
      {isLoading && <Notice kind="loading">Reading the body…</Notice>}
      {error && <Notice kind="error">{error}</Notice>}
      {lead && <p class="hint" dir="auto">{lead}</p>}
      {lines.length > 0 && <Lines text={lines.join("\n")} />}
      {left > 0 && <p class="hint">{left} more lines are not shown.</p>}
    </>
  );
}

interface StretchesProps {
  reference: LogRef;
  side: Side;
  place: Place | undefined;
}

function Stretches({ reference, side, place }: StretchesProps) {
  const { host, format } = useSession();
  const [parts, setParts] = useState<BodyText[]>([]);
  const [problem, setProblem] = useState("");
  const [isLoading, setLoading] = useState(true);
  const where = place?.pointer ? { pointer: place.pointer } : {};

  const load = async (offset: number) => {
    setLoading(true);
    setProblem("");
    try {
      const part = await tools(host).body(reference, side, { ...where, offset });
      setParts((held) => [...held, part]);
    } catch (error) {
      setProblem(messageOf(error));
    }
    setLoading(false);
  };
  useEffect(() => void load(Math.max(0, (place?.offset ?? 0) - 400)), []);

  const first = parts[0];
  const last = parts.at(-1);
  return (
    <>
      {first && (
        <p class="hint">
          <bdi>{place?.pointer}</bdi> characters {format.count(first.offset)}–{format.count(last?.end ?? 0)} of {format.count(first.total)}{" "}
          <Copy text={() => parts.map((part) => part.text).join("")} what="what is shown" />
        </p>
      )}
      {first?.note && <p class="hint" dir="auto">{first.note}</p>}
      {parts.map((part) => (
        <Lines key={part.offset} text={part.text} />
      ))}
      {problem && <Notice kind="error" retry={() => void load(last?.next_offset ?? 0)}>{problem}</Notice>}
      {isLoading && <Notice kind="loading">Reading the body…</Notice>}
      {!isLoading && last?.next_offset !== undefined && (
        <button type="button" onClick={() => void load(last.next_offset as number)} data-testid="read-on">
          Read on ({format.count(last.total - last.end)} more characters)
        </button>
      )}
    </>
  );
}

const BLOCK = 8000; // characters per text node: a line of megabytes is laid out in parts

function Lines({ text }: { text: string }) {
  const box = useRef<HTMLPreElement>(null);
  const blocks = Array.from({ length: Math.ceil(text.length / BLOCK) }, (_, index) => text.slice(index * BLOCK, (index + 1) * BLOCK));
  return (
    <pre class="lines" dir="auto" ref={box} tabIndex={0}>
      {blocks}
    </pre>
  );
}
