/** Why calls failed, most frequent first, with links to a cause's calls and to one example. */

import { useSession } from "../session";
import type { Cause } from "../shapes";
import { Icon } from "../parts/icon";

export function Causes({ causes, failed }: { causes: Cause[]; failed: number }) {
  const { go, scope } = useSession();
  const most = Math.max(1, ...causes.map((cause) => cause.count));
  return (
    <section class="causes" aria-labelledby="causes">
      <h3 id="causes">
        Causes of failure
        {failed > 0 && (
          <button type="button" class="link" onClick={() => go({ view: "logs" }, { ...scope, success: false })} data-testid="all-failed">
            all failed calls
          </button>
        )}
      </h3>
      {!causes.length && (
        <p class="hint">
          <Icon name="ok" /> No call failed.
        </p>
      )}
      <ol data-testid="causes">
        {causes.map((cause) => (
          <CauseItem key={`${cause.kind} ${cause.words}`} cause={cause} most={most} />
        ))}
      </ol>
    </section>
  );
}

function CauseItem({ cause, most }: { cause: Cause; most: number }) {
  const { go, scope, format } = useSession();
  const { models = [] } = cause;
  const [only] = models;
  const open = () => go({ view: "logs" }, { ...scope, success: false, ...(models.length === 1 && only ? { model: only } : {}) });
  const today = new Date();
  return (
    <li data-testid="cause">
      <button type="button" class="cause" onClick={open} title="The calls that failed so">
        <b>{cause.count}</b>
        <span>
          <strong>{cause.kind}</strong>
          {cause.words && <q dir="auto">{cause.words}</q>}
          <small dir="auto">
            {models.join(", ")}
            {cause.last && ` · last ${format.clock(new Date(cause.last), today)}`}
          </small>
        </span>
        <span class="share" style={{ inlineSize: `${(100 * cause.count) / most}%` }} aria-hidden="true" />
      </button>
      {cause.log_id && (
        <button type="button" class="link" onClick={() => go({ view: "log", id: cause.log_id as string })} data-testid="cause-example">
          example<span class="unseen"> of {cause.kind}</span>
        </button>
      )}
    </li>
  );
}
