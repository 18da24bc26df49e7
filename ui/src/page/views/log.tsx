/** One logged call: first what happened, then the conversation, the raw bodies, and all fields. */

import { useEffect, useState } from "preact/hooks";
import { Ask } from "../parts/ask";
import { Copy } from "../parts/copy";
import { Icon } from "../parts/icon";
import { Notice } from "../parts/notice";
import { known } from "../format";
import { useLoad } from "../load";
import { useSession } from "../session";
import type { Log, Side } from "../shapes";
import { type LogRef, tools } from "../tools";
import { Compare } from "./log_compare";
import { Conversation } from "./log_conversation";
import { Facts } from "./log_facts";
import { Raw } from "./log_raw";
import { Rate } from "./log_rate";
import { Search, type Found } from "./log_search";
import { Outcome } from "./logs_columns";

type Shown = "conversation" | Side;

/** A place in a body to show raw. */
export interface Place {
  side: Side;
  pointer?: string;
  offset?: number;
}

interface Props {
  id: string;
  other: string | undefined;
}

export function LogView({ id, other }: Props) {
  const { host, scope, announce } = useSession();
  const ref: LogRef = { log_id: id, ...(scope.gateway_id && { gateway_id: scope.gateway_id }) };
  const { data, error, isLoading, reload } = useLoad(JSON.stringify(ref), () => tools(host).log(ref));
  useEffect(() => {
    if (data?.summary[0]) announce(data.summary[0]);
  }, [data]);
  return (
    <section class="log" id="view-log" role="tabpanel" tabIndex={-1} aria-labelledby="tab-log" data-testid="view-log" data-log-id={id} aria-busy={isLoading}>
      {error && (
        <Notice kind="error" retry={reload}>
          {error}
        </Notice>
      )}
      {!data && isLoading && <Notice kind="loading">Reading the log…</Notice>}
      {data && <One log={data} reference={ref} other={other} reload={reload} />}
    </section>
  );
}

interface OneProps {
  log: Log;
  reference: LogRef;
  other: string | undefined;
  reload(): void;
}

function One({ log, reference, other, reload }: OneProps) {
  const { host, go } = useSession();
  const [shown, setShown] = useState<Shown>("conversation");
  const [place, setPlace] = useState<Place>();
  const [found, setFound] = useState<Found>();
  const [open, setOpen] = useState<"" | "compare" | "rate" | "ask">(other ? "compare" : "");
  const toggle = (which: typeof open) => setOpen(open === which ? "" : which);
  const show = (to: Place) => {
    setPlace(to);
    setShown(to.side);
  };
  const question = `Look at log ${log.log_id} of gateway ${log.gateway_id}: ${log.ok ? "was the answer right, and what would make it better, faster or cheaper?" : "why did it fail, and what should change?"}`;

  return (
    <>
      <Happened log={log} />
      <div class="actions" role="group" aria-label="This log">
        <Copy text={log.log_id} what="the log's id" label="Copy id" />
        <button type="button" onClick={() => go({ view: "run", id: log.log_id })} data-testid="open-run">
          <Icon name="run" /> Its run
        </button>
        <button type="button" aria-expanded={open === "compare"} onClick={() => toggle("compare")} data-testid="open-compare">
          <Icon name="compare" /> Compare
        </button>
        {host.offers("patch_log_feedback") && (
          <button type="button" aria-expanded={open === "rate"} onClick={() => toggle("rate")} data-testid="open-rate">
            <Icon name="up" /> Rate
          </button>
        )}
        <button type="button" aria-expanded={open === "ask"} onClick={() => toggle("ask")} data-testid="open-ask">
          <Icon name="ask" /> Ask about this
        </button>
      </div>
      {open === "compare" && <Compare log={log} reference={reference} other={other} />}
      {open === "rate" && <Rate log={log} reference={reference} done={reload} />}
      {open === "ask" && <Ask question={question} />}
      <div class="halves">
        <div class="reading-side">
          <div class="reading-bar">
            <div class="switch" role="group" aria-label="Show">
              {(["conversation", "request", "response"] as const).map((which) => (
                <button type="button" key={which} aria-pressed={shown === which} onClick={() => (setPlace(undefined), setShown(which))} data-testid={`show-${which}`}>
                  {{ conversation: "Conversation", request: "Request", response: "Response" }[which]}
                </button>
              ))}
            </div>
            <Search reference={reference} found={found} setFound={setFound} show={show} reveal={() => setShown("conversation")} />
          </div>
          {shown === "conversation" ? (
            <Conversation log={log} found={found} show={show} />
          ) : (
            <Raw key={JSON.stringify([shown, place])} reference={reference} side={shown} body={log[shown]} place={place} />
          )}
        </div>
        <Facts log={log} />
      </div>
    </>
  );
}

function Happened({ log }: { log: Log }) {
  const { format } = useSession();
  const [first = "", ...rest] = log.summary;
  const quoted = first.endsWith(":") ? (rest.shift()?.trim() ?? "") : "";
  const figures: [string, string][] = [
    ["Status", known(log.status, String)],
    ["Duration", known(log.seconds, (held) => format.seconds(held))],
    ["Tokens", `${known(log.tokens_in, (held) => format.count(held))} in, ${known(log.tokens_out, (held) => format.count(held))} out`],
    ["Cost", known(log.cost, (held) => format.dollars(held))],
    ["Time", log.created_at ? `${format.moment(new Date(log.created_at))} ${format.zone === "UTC" ? "UTC" : ""}` : "–"],
  ];
  return (
    <header class="happened" data-ok={log.ok} data-testid="happened">
      <h2 dir="auto">
        <Icon name={log.ok ? "ok" : "failed"} label={log.ok ? "ok" : "failed"} /> <span>{quoted ? `${first} ${quoted}` : first}</span>
      </h2>
      <dl class="figures small">
        {figures.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {log.steps.length > 0 && <Steps log={log} />}
      {rest.length > 0 && (
        <pre class="rest" dir="auto">
          {rest.join("\n")}
        </pre>
      )}
    </header>
  );
}

/** The steps of one call, in order: each failed one was followed by the next. */
function Steps({ log }: { log: Log }) {
  const { go } = useSession();
  return (
    <nav aria-label="Steps of this call" data-testid="call-steps">
      <ol class="steps">
        {log.steps.map((step) => (
          <li key={step.log_id}>
            <button type="button" aria-current={step.log_id === log.log_id && "step"} onClick={() => go({ view: "log", id: step.log_id })} data-testid="call-step">
              <Outcome row={step} /> <bdi>{step.model ?? "unknown model"}</bdi> {step.status} {step.what}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
