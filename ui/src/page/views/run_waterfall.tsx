/** The steps of a run, each a bar over the time that it took. */

import { useEffect, useRef } from "preact/hooks";
import { valueTicks } from "../charts/scale";
import { Icon } from "../parts/icon";
import { useSession } from "../session";
import type { ModelStep, Run, Step, ToolStep } from "../shapes";

const TICKS = 5;
const ALARMS = new Set(["failed", "loop", "tool error", "ending"]);

interface Props {
  run: Run;
  from: string | undefined;
  pointed: number | undefined;
}

export function Waterfall({ run, from, pointed }: Props) {
  const list = useRef<HTMLOListElement>(null);
  const whole = Math.max(1, run.wall_ms, ...run.steps.map((step) => step.start_ms + step.ms));
  const ticks = valueTicks(whole / 1000, TICKS).filter((tick) => tick * 1000 <= whole);
  useEffect(() => {
    const row = pointed === undefined ? null : list.current?.querySelector<HTMLElement>(`[data-step="${pointed}"]`);
    row?.scrollIntoView({ block: "center" });
    row?.querySelector("button")?.focus();
  }, [pointed]);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !list.current) return;
    const buttons = [...list.current.querySelectorAll<HTMLElement>("button.step")];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    if (at < 0) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, at + step))]?.focus();
  };

  return (
    <div class="waterfall" data-testid="waterfall">
      <div class="axis" aria-hidden="true">
        {ticks.map((tick) => (
          <span key={tick} style={{ insetInlineStart: `${(100_000 * tick) / whole}%` }}>
            {tickName(tick, whole)}
          </span>
        ))}
      </div>
      <ol ref={list} onKeyDown={onKeyDown}>
        {run.steps.map((step, index) => (
          <StepRow key={index} step={step} whole={whole} isFrom={step.kind === "model" && step.log_id === from} run={run} />
        ))}
      </ol>
      {!!run.steps_left && <p class="hint">{run.steps_left} more steps are not shown.</p>}
    </div>
  );
}

interface RowProps {
  step: Step;
  whole: number;
  isFrom: boolean;
  run: Run;
}

function StepRow({ step, whole, isFrom, run }: RowProps) {
  const { go, format } = useSession();
  const of = step.kind === "model" ? step : run.steps.find((held): held is ModelStep => held.kind === "model" && held.n === step.of);
  const marks = marksOf(step);
  const alarm = marks.some((mark) => ALARMS.has(mark));
  const offset = (100 * step.start_ms) / whole;
  const took = format.seconds(step.ms / 1000);
  return (
    <li data-step={step.kind === "model" ? step.n : undefined} data-kind={step.kind} data-ok={step.ok} data-alarm={alarm} data-from={isFrom} data-testid={`step-${step.kind}`}>
      <button type="button" class="step" disabled={!of} onClick={() => of && go({ view: "log", id: of.log_id })} title={of && `Log ${of.log_id}`}>
        <span class="name">
          {step.kind === "model" && <span class="n">{step.n}</span>}
          <Icon name={step.kind} label={step.kind} />
          <bdi>{step.name}</bdi>
          {marks.map((mark) => (
            <span class="badge" data-mark={mark} key={mark}>
              {mark}
            </span>
          ))}
          <span class="said" dir="auto">
            {saidBy(step)}
          </span>
        </span>
        <span class="track">
          <span class="took" data-measured={step.kind === "model" || step.is_measured === true} style={{ insetInlineStart: `${offset}%`, inlineSize: `${(100 * step.ms) / whole}%` }} />
          <span class="figure" data-side={offset > 60 ? "before" : "after"} style={offset > 60 ? { insetInlineEnd: `${100 - offset}%` } : { insetInlineStart: `${offset + (100 * step.ms) / whole}%` }}>
            {took}
            {step.kind === "model" && step.cost ? ` · ${format.dollars(step.cost)}` : ""}
          </span>
        </span>
      </button>
    </li>
  );
}

/** One unit along the axis. */
function tickName(seconds: number, wholeMs: number): string {
  if (seconds === 0) return "0";
  if (wholeMs > 600_000) return `${+(seconds / 60).toFixed(1)} min`;
  return wholeMs < 2000 ? `${+(seconds * 1000).toFixed(0)} ms` : `${+seconds.toFixed(1)} s`;
}

function marksOf(step: Step): string[] {
  const marks = step.marks ?? [];
  const isTold = step.ok || marks.includes("failed") || marks.includes("tool error");
  const linked = step.kind === "model" && step.link && step.link !== "after" ? [step.link.replace(/ (of|from)$/, "")] : [];
  const forked = step.kind === "model" && step.fork ? ["fork"] : [];
  return [...new Set([...(isTold ? [] : ["failed"]), ...marks, ...linked, ...forked])];
}

function saidBy(step: ModelStep | ToolStep): string {
  const text = step.kind === "model" ? (step.did ?? step.asked) : [step.text, step.result].filter(Boolean).join(" → ");
  return (text ?? "").slice(0, 240);
}
