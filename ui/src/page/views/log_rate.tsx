/** Feedback on a log: only the button that names what it writes writes anything. */

import { useState } from "preact/hooks";
import { Icon } from "../parts/icon";
import { messageOf } from "../load";
import { useSession } from "../session";
import type { Log } from "../shapes";
import { type LogRef, tools } from "../tools";

const CHOICES = [
  [1, "Good", "up"],
  [-1, "Bad", "down"],
] as const;

interface Props {
  log: Log;
  reference: LogRef;
  done(): void;
}

export function Rate({ log, reference, done }: Props) {
  const { host, announce } = useSession();
  const [feedback, setFeedback] = useState<number>();
  const [score, setScore] = useState("");
  const [problem, setProblem] = useState("");
  const what = { ...(feedback !== undefined && { feedback }), ...(score !== "" && { score: Number(score) }) };
  const named = Object.entries(what).map(([name, value]) => `${name} ${value}`).join(" and ");

  const write = async () => {
    setProblem("");
    try {
      await tools(host).rate(reference, what);
      announce(`Wrote ${named}`);
      done();
    } catch (error) {
      setProblem(messageOf(error));
    }
  };

  return (
    <div class="panel line" role="form" aria-label="Rate" data-testid="rate">
      <div class="switch" role="group" aria-label="Feedback">
        {CHOICES.map(([value, name, icon]) => (
          <button type="button" key={name} aria-pressed={feedback === value} onClick={() => setFeedback(feedback === value ? undefined : value)} data-testid={`feedback-${name.toLowerCase()}`}>
            <Icon name={icon} /> {name}
          </button>
        ))}
      </div>
      <label>
        Score <input type="number" min="0" max="100" step="any" inputMode="decimal" value={score} onInput={(event) => setScore(event.currentTarget.value)} data-testid="score" />
      </label>
      <button type="button" disabled={!named} onClick={() => void write()} data-testid="write-feedback">
        {named ? `Write ${named} to this log` : "Nothing to write yet"}
      </button>
      <span class="hint">
        Now: feedback {log.feedback ?? "none"}, score {log.score ?? "none"}
      </span>
      {problem && <p class="alarm" role="alert">{problem}</p>}
    </div>
  );
}
