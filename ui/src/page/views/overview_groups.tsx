/** The same figures by model, provider or another grouping. A click filters by a group. */

import { useState } from "preact/hooks";
import { known } from "../format";
import { useSession } from "../session";
import type { Group, Overview } from "../shapes";

export const GROUPINGS = ["model", "provider", "status", "cached", "hour", "day", "session", "user", "user_agent"];

type Column = "name" | "calls" | "failed" | "cost" | "tokens" | "p50" | "p95" | "cached";

const COLUMNS: [Column, string][] = [
  ["calls", "Calls"],
  ["failed", "Failed"],
  ["cost", "Cost"],
  ["tokens", "Tokens"],
  ["p50", "p50"],
  ["p95", "p95"],
  ["cached", "Cached"],
];

interface Props {
  data: Overview;
  /** Whether these groups are the last requested ones. Otherwise a click would filter by the wrong kind of group. */
  isCurrent: boolean;
}

export function Groups({ data, isCurrent }: Props) {
  const [sort, setSort] = useState<Column | "">("");
  const groups = sort ? data.groups.toSorted((one, other) => order(one, other, sort)) : data.groups;
  const most = Math.max(1, ...groups.map((group) => group.calls));
  const title = data.group_by.replace(/^metadata\./, "").replace("_", " ");
  const header = (column: Column, name: string) => (
    <th scope="col" key={column} class={column === "name" ? undefined : "number"} aria-sort={sort === column ? (column === "name" ? "ascending" : "descending") : undefined}>
      <button type="button" class="plain" onClick={() => setSort(sort === column ? "" : column)}>
        {name}
      </button>
    </th>
  );
  return (
    <section class="groups" aria-labelledby="groups">
      <h3 id="groups">By {title}</h3>
      <div class="scroller" tabIndex={0} role="region" aria-labelledby="groups">
        <table data-testid="groups">
          <thead>
            <tr>
              {header("name", title)}
              {COLUMNS.map(([column, name]) => header(column, name))}
            </tr>
          </thead>
          <tbody>
            {groups.map((group) => (
              <GroupRow key={group.name} group={group} most={most} isCurrent={isCurrent} />
            ))}
          </tbody>
        </table>
      </div>
      {!!data.groups_left && <p class="hint">{data.groups_left} more groups are not shown.</p>}
    </section>
  );
}

function GroupRow({ group, most, isCurrent }: { group: Group; most: number; isCurrent: boolean }) {
  const { format, narrow } = useSession();
  const by = isCurrent ? group.narrow : undefined;
  const { before } = group;
  return (
    <tr data-testid="group" data-narrows={by !== undefined} onClick={() => by && narrow(by)}>
      <th scope="row" dir="auto">
        {by ? (
          <button type="button" class="link" title={`Only ${group.name}`}>
            {group.name}
          </button>
        ) : (
          group.name
        )}
        {group.changed?.map((text) => (
          <small class="changed" dir="auto" key={text}>
            {text}
          </small>
        ))}
      </th>
      <td class="number">
        <span class="share" style={{ inlineSize: `${(100 * group.calls) / most}%` }} aria-hidden="true" />
        {format.count(group.calls)}
        <Was value={before?.calls} told={(held) => format.count(held)} />
      </td>
      <td class="number" data-alarm={group.failed > 0}>
        {group.failed ? `${format.count(group.failed)} (${format.percent(group.failed / group.calls)})` : "0"}
        <Was value={before?.failed} told={(held) => format.count(held)} />
      </td>
      <td class="number">
        {format.dollars(group.cost)}
        <Was value={before?.cost} told={(held) => format.dollars(held)} />
      </td>
      <td class="number">
        {format.short(group.tokens_in + group.tokens_out)}
        <Was value={before && before.tokens_in + before.tokens_out} told={(held) => format.short(held)} />
      </td>
      <td class="number">{known(group.p50, (held) => format.seconds(held))}</td>
      <td class="number">{known(group.p95, (held) => format.seconds(held))}</td>
      <td class="number">{group.calls ? format.percent(group.cached / group.calls) : "–"}</td>
    </tr>
  );
}

function Was({ value, told }: { value: number | undefined; told(value: number): string }) {
  return value === undefined ? null : <small class="was">was {told(value)}</small>;
}

function order(one: Group, other: Group, column: Column): number {
  if (column === "name") return one.name.localeCompare(other.name);
  return amount(other, column) - amount(one, column);
}

function amount(group: Group, column: Exclude<Column, "name">): number {
  if (column === "tokens") return group.tokens_in + group.tokens_out;
  if (column === "cached") return group.calls ? group.cached / group.calls : 0;
  return group[column] ?? 0;
}
