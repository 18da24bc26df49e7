/** An agent's run as a waterfall: models distinct from tools, loops and failures marked. */

import { useEffect, useState } from "preact/hooks";
import { Ask } from "../parts/ask";
import { Icon } from "../parts/icon";
import { Notice } from "../parts/notice";
import { useLoad } from "../load";
import { useSession } from "../session";
import type { Finding, Run, Value } from "../shapes";
import { tools } from "../tools";
import { Waterfall } from "./run_waterfall";

const MOST_STEPS = 12; // links of one finding

interface Props {
  id: string | undefined;
  metadata: Record<string, Value> | undefined;
}

export function RunView({ id, metadata }: Props) {
  const { host, scope, announce } = useSession();
  const asked = { ...(id ? { log_id: id } : { metadata: metadata ?? {} }), ...(scope.gateway_id && { gateway_id: scope.gateway_id }) };
  const { data, error, isLoading, reload } = useLoad(JSON.stringify(asked), () => tools(host).run(asked));
  useEffect(() => {
    if (data?.summary[0]) announce(data.summary[0]);
  }, [data]);
  return (
    <section class="run" id="view-run" role="tabpanel" tabIndex={-1} aria-labelledby="tab-run" data-testid="view-run" aria-busy={isLoading}>
      {error && (
        <Notice kind="error" retry={reload}>
          {error}
        </Notice>
      )}
      {!data && isLoading && <Notice kind="loading">Tracing the run…</Notice>}
      {data && <Traced run={data} from={id} />}
    </section>
  );
}

function Traced({ run, from }: { run: Run; from: string | undefined }) {
  const [pointed, point] = useState<number>();
  const [isAsking, setAsking] = useState(false);
  const [first = "", ...rest] = run.summary;
  const anchor = from ?? run.steps.find((step) => step.kind === "model")?.log_id ?? "";
  return (
    <>
      <header class="happened" data-ok={!run.findings.some((finding) => finding.mark === "failed")} data-testid="run-summary">
        <h2 dir="auto">
          <Icon name="run" /> <span>{first}</span>
        </h2>
        {rest.length > 0 && (
          <pre class="rest" dir="auto">
            {rest.join("\n")}
          </pre>
        )}
      </header>
      {run.findings.length > 0 && <Findings findings={run.findings} point={point} />}
      <Waterfall run={run} from={from} pointed={pointed} />
      <div class="actions">
        <button type="button" aria-expanded={isAsking} onClick={() => setAsking(!isAsking)} data-testid="open-ask">
          <Icon name="ask" /> Ask about this
        </button>
      </div>
      {isAsking && <Ask question={`Trace the run of log ${anchor} of gateway ${run.gateway_id}: where did it go wrong, and what should change?`} />}
    </>
  );
}

function Findings({ findings, point }: { findings: Finding[]; point(step: number): void }) {
  return (
    <ol class="findings" aria-label="What went wrong" data-testid="findings">
      {findings.map((finding, index) => (
        <li key={index} data-mark={finding.mark}>
          <span class="badge" data-mark={finding.mark}>
            {finding.mark ?? "note"}
          </span>
          <div>
            <span dir="auto">{finding.text}</span>
            {finding.quote && <q dir="auto">{finding.quote}</q>}
            {finding.steps?.slice(0, MOST_STEPS).map((step) => (
              <button type="button" class="link" key={step} onClick={() => point(step)} data-testid="finding-step">
                step {step}
              </button>
            ))}
            {finding.steps && finding.steps.length > MOST_STEPS && <span class="hint">and {finding.steps.length - MOST_STEPS} more</span>}
          </div>
        </li>
      ))}
    </ol>
  );
}
