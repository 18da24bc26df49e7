/** Settings for every view: the gateway, the time zone, and full screen if the host allows it. */

import { narrowed } from "../scope";
import { useSession } from "../session";
import { useLoad } from "../load";
import type { Gateways } from "../shapes";
import { tools } from "../tools";
import { Icon } from "./icon";

interface Props {
  isLocal: boolean;
  setLocal(isLocal: boolean): void;
  modes: string[];
}

export function Toolbar({ isLocal, setLocal, modes }: Props) {
  const { host, fills } = useSession();
  return (
    <div class="tools">
      <GatewayChoice />
      <div class="switch" role="group" aria-label="Times">
        <button type="button" aria-pressed={!isLocal} onClick={() => setLocal(false)} data-testid="zone-utc">
          UTC
        </button>
        <button type="button" aria-pressed={isLocal} onClick={() => setLocal(true)} data-testid="zone-local">
          Local
        </button>
      </div>
      {!fills && modes.includes("fullscreen") && (
        <button type="button" class="plain" aria-label="More room" title="More room" onClick={() => void host.expand().catch(() => undefined)}>
          <Icon name="expand" />
        </button>
      )}
    </div>
  );
}

function GatewayChoice() {
  const { host, scope, go } = useSession();
  const { data } = useLoad(host.offers("list_gateways") ? "gateways" : "", () => tools(host).gateways());
  const names = data ? namesIn(data) : [];
  const chosen = scope.gateway_id ?? "";
  if (names.length < 2) return null;
  return (
    <select
      aria-label="Gateway"
      data-testid="gateway"
      value={chosen}
      onChange={(event) => go({ view: "overview" }, narrowed(scope, { gateway_id: event.currentTarget.value }))}
    >
      <option value="">Default gateway</option>
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function namesIn({ columns = [], rows = [] }: Gateways): string[] {
  const at = columns.indexOf("id");
  return at < 0 ? [] : rows.map((row) => String(row[at]));
}
