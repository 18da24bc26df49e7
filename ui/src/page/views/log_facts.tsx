/** The fields of a log, in groups. */

import type { Log } from "../shapes";

export function Facts({ log }: { log: Log }) {
  return (
    <aside class="facts" aria-label="Fields" data-testid="facts">
      {log.facts.map(({ title, rows }) => (
        <details key={title} open>
          <summary>{title}</summary>
          <dl>
            {rows.map(([name, value]) => (
              <div key={name}>
                <dt dir="auto">{name}</dt>
                <dd dir="auto">{value}</dd>
              </div>
            ))}
          </dl>
        </details>
      ))}
    </aside>
  );
}
