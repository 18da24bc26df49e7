"""A gateway's spend limits, by provider, model and metadata.

Rules and windows: developers.cloudflare.com/ai-gateway/features/spend-limits, and the official SDK (cloudflare 5.9.0).
The first call over a limit passes, as on Cloudflare: its cost is known only once it is logged.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from cf_aig_gateway.local.budgets import Calls, Window, used
from cf_aig_gateway.local.exchange import Exchange
from cf_aig_gateway.local.faults import over_budget
from cf_aig_gateway.shapes import as_list, as_object


async def check(exchange: Exchange) -> None:
    """Refuse a call that a spend limit no longer allows.

    Raises:
        Fault: a rule's limit is used up.

    """
    for rule in _rules(exchange):
        window = Window(rule["window"], rule.get("technique") == "sliding")
        if (
            await exchange.setting.store.read(partial(used, calls=_calls(rule, exchange), window=window))
            >= rule["limit"]
        ):
            within = f"cost limit {rule['limit']:g} per {rule['window']:g}s, {rule.get('technique') or 'fixed'}"
            raise over_budget(str(rule.get("id") or 1), within, f"{exchange.call.provider} {exchange.call.model}")


def _rules(exchange: Exchange) -> Iterator[dict[str, Any]]:
    """Yield the rules that apply to a call."""
    limits = as_object(exchange.setting.settings.get("spend_limits"))
    if limits.get("enabled") is False:
        return
    for rule in map(as_object, as_list(limits.get("rules"))):
        if rule.get("enabled") is not False and _concerns(rule, exchange):
            yield rule


def _concerns(rule: Mapping[str, Any], exchange: Exchange) -> bool:
    call, metadata = exchange.call, exchange.controls.metadata or {}
    own = {"provider": {call.provider}, "model": {call.model, f"{call.provider}/{call.model}"}}
    if any(values and not own[name].intersection(values) for name in own if (values := _values(rule.get(name)))):
        return False
    filters = {key: _values(how) for key, how in as_object(rule.get("metadata")).items() if _values(how)}
    return all(str(metadata.get(key)) in values for key, values in filters.items())


def _calls(rule: Mapping[str, Any], exchange: Exchange) -> Calls:
    """Return the calls whose cost counts. In a partition, those are the calls with this call's value."""
    metadata = exchange.controls.metadata or {}
    held = {key: _values(how) or [metadata.get(key)] for key, how in as_object(rule.get("metadata")).items()}
    return Calls(exchange.setting.gateway, _values(rule.get("provider")), _values(rule.get("model")), held)


def _values(how: Any) -> list[str]:
    return [str(value) for value in as_list(as_object(how).get("values"))]
