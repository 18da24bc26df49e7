"""A gateway's spend limits: what its logs cost in a window, by provider, model and metadata (US dollars, seconds).

Rules and windows: developers.cloudflare.com/ai-gateway/features/spend-limits, and the official SDK (cloudflare 5.9.0).
The first call over a limit passes, as there: what it costs is known once it is logged.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from cf_aig_gateway.local.exchange import Exchange
from cf_aig_gateway.local.faults import Fault, over_budget
from cf_aig_gateway.local.store_conditions import Condition, first_seq, joined
from cf_aig_gateway.shapes import as_list, as_object

NAMES = "(SELECT value FROM json_each(?))"


async def check(exchange: Exchange) -> None:
    """Refuse a call that a spend limit no longer allows.

    Raises:
        Fault: a rule's limit is used up.

    """
    limits = as_object(exchange.setting.settings.get("spend_limits"))
    rules = [as_object(rule) for rule in as_list(limits.get("rules"))] if limits.get("enabled") is not False else []
    for rule in rules:
        if rule.get("enabled") is not False and _concerns(rule, exchange):
            await _check(rule, exchange)


async def _check(rule: Mapping[str, Any], exchange: Exchange) -> None:
    window_ms, now = round(rule["window"] * 1000), time.time_ns() // 1_000_000
    start = now - now % window_ms
    spent = await exchange.setting.store.read(partial(_spent, rule, exchange, start, now))
    if rule.get("technique") == "sliding":
        before = await exchange.setting.store.read(partial(_spent, rule, exchange, start - window_ms, start))
        spent += before * (1 - (now - start) / window_ms)
    if spent >= rule["limit"]:
        raise _refused(rule, exchange)


def _refused(rule: Mapping[str, Any], exchange: Exchange) -> Fault:
    technique = rule.get("technique") or "fixed"
    within = f"cost limit {rule['limit']:g} per {rule['window']:g}s, {technique}"
    return over_budget(str(rule.get("id") or "1"), within, f"{exchange.call.provider} {exchange.call.model}")


def _concerns(rule: Mapping[str, Any], exchange: Exchange) -> bool:
    call, metadata = exchange.call, exchange.controls.metadata or {}
    names = {"provider": {call.provider}, "model": {call.model, f"{call.provider}/{call.model}"}}
    for name, own in names.items():
        values = as_list(as_object(rule.get(name)).get("values"))
        if values and not own & {*map(str, values)}:
            return False
    return all(
        str(metadata.get(key)) in map(str, as_list(as_object(how).get("values")))
        for key, how in as_object(rule.get("metadata")).items()
        if as_object(how).get("mode") == "filter"
    )


def _spent(rule: Mapping[str, Any], exchange: Exchange, start: int, end: int, db: sqlite3.Connection) -> float:
    where = joined(" AND ", list(_conditions(rule, exchange, start, end)))
    (total,) = db.execute(f"SELECT total(cost) FROM logs WHERE {where.sql}", where.values).fetchone()  # noqa: S608
    return total


def _conditions(rule: Mapping[str, Any], exchange: Exchange, start: int, end: int) -> Iterator[Condition]:
    yield Condition("gateway = ?", (exchange.setting.gateway,))
    yield Condition("seq >= ? AND seq < ?", (first_seq(start), first_seq(end)))
    if values := as_list(as_object(rule.get("provider")).get("values")):
        yield Condition(f"provider IN {NAMES}", (json.dumps(values),))
    if values := as_list(as_object(rule.get("model")).get("values")):
        either = f"model IN {NAMES} OR substr(model, length(provider) + 2) IN {NAMES}"
        yield Condition(either, (json.dumps(values),) * 2)
    for key, how in as_object(rule.get("metadata")).items():
        held = "json_extract(metadata, ?)"
        path = f"$.{json.dumps(key)}"
        if as_object(how).get("mode") == "filter":
            named = json.dumps([str(value) for value in as_list(as_object(how).get("values"))])
            yield Condition(f"CAST({held} AS TEXT) IN {NAMES}", (path, named))
        else:
            yield Condition(f"{held} IS ?", (path, (exchange.controls.metadata or {}).get(key)))
