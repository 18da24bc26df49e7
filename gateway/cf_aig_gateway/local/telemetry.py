"""Workers Observability's telemetry over the local gateway's logs, in the official SDK's forms (cloudflare 5.9.0).

No page documents the events of AI Gateway there. These use the names of its documented OpenTelemetry export, those of
`$metadata`, and otherwise the logs API's names. A caller's metadata entries are separate attributes.
"""

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from statistics import median, pstdev, pvariance
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from cf_aig_gateway.local.envelopes import checked, result
from cf_aig_gateway.local.requests import store_of
from cf_aig_gateway.local.store_conditions import first_seq
from cf_aig_gateway.local.store_logs import iso
from cf_aig_gateway.local.store_schema import SEQUENCE_BITS
from cf_aig_gateway.shapes import as_list, as_object

DATASET = "cloudflare-ai-gateway"
MOST = 2000
"""The most events, keys and groups in one answer. Cloudflare's own limit is unknown."""

SCANNED = 100_000
"""The most logs that one query reads, newest first. They are read in Python, which is too slow for more."""

ROWS = """
SELECT logs.*, facts FROM logs JOIN details ON log = seq WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?
"""
BODIES = "SELECT request, response FROM details WHERE log = ?"

OWN = {"timestamp", "seq"}
"""Members of an event that only this module uses."""

BODY_KEYS = {"request": "gen_ai.prompt_json", "response": "gen_ai.completion_json"}

Event = dict[str, Any]


class _Wire(BaseModel, defer_build=True):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Timeframe(_Wire):
    """A time range in Unix milliseconds."""

    start: int = Field(alias="from")
    end: int = Field(alias="to")


class Needle(_Wire):
    """A text anywhere in an event."""

    value: str | float | bool
    is_regex: bool = Field(False, alias="isRegex")
    match_case: bool = Field(False, alias="matchCase")


class Calculation(_Wire):
    """A figure computed from events."""

    operator: str
    key: str = ""
    alias: str | None = None


class GroupBy(_Wire):
    """The key by which events are grouped."""

    type: str
    value: str


class Parameters(_Wire):
    """Which events, and what to return about them."""

    filters: list[dict[str, Any]] = []
    filter_combination: Literal["and", "or", "AND", "OR"] = Field("and", alias="filterCombination")
    needle: Needle | None = None
    calculations: list[Calculation] = []
    group_bys: list[GroupBy] = Field([], alias="groupBys")
    limit: int = Field(MOST, ge=1)


class Query(_Wire):
    """The body of POST …/telemetry/query."""

    query_id: str = Field(alias="queryId")
    timeframe: Timeframe
    view: Literal["events", "calculations"] = "events"
    limit: int = Field(50, ge=1, le=MOST)
    offset: str = ""
    granularity: int = Field(0, ge=0, le=MOST)
    ignore_series: bool = Field(False, alias="ignoreSeries")
    parameters: Parameters = Field(default_factory=lambda: _filtered([]))


class Keys(_Wire):
    """The body of POST …/telemetry/keys."""

    start: int = Field(0, alias="from")
    end: int = Field(1 << 46, alias="to")
    limit: int = Field(MOST, ge=1, le=MOST)
    needle: Needle | None = Field(None, alias="keyNeedle")
    filters: list[dict[str, Any]] = []


class Values(_Wire):
    """The body of POST …/telemetry/values."""

    key: str
    type: Literal["string", "number", "boolean"]
    timeframe: Timeframe
    limit: int = Field(50, ge=1, le=MOST)
    filters: list[dict[str, Any]] = []


async def list_keys(request: Request) -> Response:
    """List the keys of events, with their types."""
    asked = checked(Keys, "body", await request.body())
    seen: dict[str, tuple[int, str]] = {}
    for event in await _events(request, asked.start, asked.end, _filtered(asked.filters)):
        for key, value in {**event, **dict.fromkeys(BODY_KEYS.values(), "")}.items():
            seen.setdefault(key, (event["timestamp"], _type(value)))
    needle = str(asked.needle.value).lower() if asked.needle else ""
    found = [
        {"key": key, "lastSeenAt": at, "type": type_}
        for key, (at, type_) in seen.items()
        if needle in key.lower() and key not in OWN
    ]
    return result(found[: asked.limit])


async def list_values(request: Request) -> Response:
    """List the values of a key."""
    asked = checked(Values, "body", await request.body())
    events = await _events(request, asked.timeframe.start, asked.timeframe.end, _filtered(asked.filters))
    values = dict.fromkeys(event[asked.key] for event in events if asked.key in event)
    return result(
        [
            {"key": asked.key, "value": value, "type": asked.type, "dataset": DATASET}
            for value in list(values)[: asked.limit]
        ]
    )


def _filtered(filters: list[dict[str, Any]]) -> Parameters:
    return Parameters.model_validate({"filters": filters})


async def query(request: Request) -> Response:
    """Query events, or calculations over them."""
    asked = checked(Query, "body", await request.body())
    events = await _events(request, asked.timeframe.start, asked.timeframe.end, asked.parameters)
    held: dict[str, Any]
    if asked.view == "events":
        start = next((at + 1 for at, event in enumerate(events) if event["$metadata.id"] == asked.offset), 0)
        shown = events[start : start + asked.limit]
        whole = [_written(event) for event in await store_of(request).read(partial(_with_bodies, shown))]
        held = {"events": {"events": whole, "fields": [], "count": len(events)}}
    else:
        held = {"calculations": [_calculated(asked, each, events) for each in asked.parameters.calculations]}
    return result({"run": _run(request, asked), "statistics": _statistics(len(events)), **held})


def _run(request: Request, asked: Query) -> dict[str, Any]:
    return {
        "id": asked.query_id,
        "accountId": request.path_params["account"],
        "dry": False,
        "granularity": asked.granularity,
        "query": {"id": asked.query_id, "parameters": {}},
        "status": "COMPLETED",
        "timeframe": {"from": asked.timeframe.start, "to": asked.timeframe.end},
        "userId": "local",
    }


def _statistics(rows: int) -> dict[str, Any]:
    return {"bytes_read": 0, "elapsed": 0.0, "rows_read": rows, "abr_level": 1}


async def _events(request: Request, start: int, end: int, parameters: Parameters) -> list[Event]:
    """Return the events of a time span that match the filters, newest first, without their bodies."""
    span = first_seq(start), first_seq(end), SCANNED
    needle = parameters.needle

    def read(db: sqlite3.Connection) -> list[Event]:
        events = map(_event, db.execute(ROWS, span))
        return [
            event
            for event in events
            if _meets_all(event, parameters.filters, parameters.filter_combination)
            and (needle is None or _holds(needle, event | _bodies(db, event)))
        ]

    return await store_of(request).read(read)


@lru_cache(maxsize=4096)
def _event(row: sqlite3.Row) -> Event:
    """Return a log as an event's flat attributes. A client pages through the same rows, so the last ones are kept."""
    facts = json.loads(row["facts"])
    usage = as_object(facts["usage_metadata"])
    model = row["model"].removeprefix(f"{row['provider']}/")
    held: Event = {
        "gen_ai.request.model": model,
        "gen_ai.model.provider": row["provider"],
        "gen_ai.usage.input_tokens": row["tokens_in"],
        "gen_ai.usage.output_tokens": row["tokens_out"],
        "gen_ai.usage.cache_read.input_tokens": usage.get("input_cached_tokens"),
        "gen_ai.usage.reasoning.output_tokens": usage.get("output_reasoning_tokens"),
        "gen_ai.usage.cost": row["cost"],
        "gateway": row["gateway"],
        "log_id": row["id"],
        "success": bool(row["success"]),
        "status_code": row["status_code"],
        "cached": bool(row["cached"]),
        "duration": row["duration"],
        "step": facts["step"],
        "event_id": row["event_id"] or None,
        "path": facts["path"],
        "user_agent": row["user_agent"],
        "request_type": row["request_type"],
        "feedback": row["feedback"],
        "score": row["score"],
        "timings.latency": as_object(facts["timings"]).get("latency"),
        **(json.loads(row["metadata"]) if row["metadata"] else {}),
        "$metadata.id": row["id"],
        "$metadata.service": DATASET,
        "$metadata.statusCode": row["status_code"],
        "$metadata.duration": row["duration"],
        "$metadata.error": None if row["success"] else f"HTTP {row['status_code']}",
        "timestamp": row["seq"] >> SEQUENCE_BITS,
        "seq": row["seq"],
    }
    return {name: value for name, value in held.items() if value is not None}


def _with_bodies(events: Sequence[Event], db: sqlite3.Connection) -> list[Event]:
    return [event | _bodies(db, event) for event in events]


def _bodies(db: sqlite3.Connection, event: Event) -> Event:
    row = db.execute(BODIES, (event["seq"],)).fetchone()
    stored = ((name, row[part]) for part, name in BODY_KEYS.items()) if row else ()
    return {name: body.decode(errors="replace") for name, body in stored if body is not None}


def _written(event: Event) -> dict[str, Any]:
    """Return an event in the API's form."""
    own = {name.removeprefix("$metadata."): value for name, value in event.items() if name.startswith("$metadata.")}
    source = {name: value for name, value in event.items() if not name.startswith("$") and name not in OWN}
    return {"$metadata": own, "dataset": DATASET, "source": source, "timestamp": event["timestamp"]}


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _holds(needle: Needle, event: Event) -> bool:
    text = json.dumps(event, ensure_ascii=False)
    if needle.is_regex:
        return bool(re.search(str(needle.value), text, 0 if needle.match_case else re.IGNORECASE))
    wanted = json.dumps(str(needle.value), ensure_ascii=False)[1:-1]
    return wanted in text if needle.match_case else wanted.lower() in text.lower()


def _meets_all(event: Event, filters: Sequence[Mapping[str, Any]], combination: str) -> bool:
    met = (_meets(event, each) for each in filters)
    return all(met) if combination.lower() == "and" or not filters else any(met)


def _meets(event: Event, asked: Mapping[str, Any]) -> bool:
    if asked.get("kind") == "group":
        groups = [as_object(each) for each in as_list(asked.get("filters"))]
        return _meets_all(event, groups, str(asked.get("filterCombination", "and")))
    value, wanted = event.get(str(asked.get("key"))), asked.get("value")
    operation = str(asked.get("operation", "")).lower()
    if operation in {"exists", "is_null"}:
        return (value is None) == (operation == "is_null")
    if operation.startswith("not_") or operation == "neq":
        positive = "eq" if operation == "neq" else operation.removeprefix("not_")
        return value is None or not OPERATIONS[positive](value, wanted)
    test = OPERATIONS.get(operation)
    return value is not None and test is not None and test(value, wanted)


def _among(value: Any, wanted: Any) -> bool:
    return str(value) in [part.strip() for part in str(wanted).split(",")]


def _compared(test: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    def compare(value: Any, wanted: Any) -> bool:
        try:
            return test(float(value), float(wanted))
        except (TypeError, ValueError):
            return False

    return compare


OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "includes": lambda value, wanted: str(wanted) in str(value),
    "starts_with": lambda value, wanted: str(value).startswith(str(wanted)),
    "ends_with": lambda value, wanted: str(value).endswith(str(wanted)),
    "regex": lambda value, wanted: re.search(str(wanted), str(value)) is not None,
    "in": _among,
    "lt": _compared(lambda one, other: one < other),
    "lte": _compared(lambda one, other: one <= other),
    "gt": _compared(lambda one, other: one > other),
    "gte": _compared(lambda one, other: one >= other),
}


def _calculated(asked: Query, calculation: Calculation, events: Sequence[Event]) -> dict[str, Any]:
    keys = [group.value for group in asked.parameters.group_bys]
    held: dict[str, Any] = {
        "calculation": calculation.operator,
        "aggregates": list(_aggregates(calculation, events, keys, asked.parameters.limit)),
        "series": [] if asked.ignore_series else list(_series(asked, calculation, events, keys)),
    }
    return held | ({"alias": calculation.alias} if calculation.alias else {})


def _series(
    asked: Query, calculation: Calculation, events: Sequence[Event], keys: Sequence[str]
) -> Iterator[dict[str, Any]]:
    start, end = asked.timeframe.start, asked.timeframe.end
    step = max(1, round((end - start) / (asked.granularity or 30)))
    buckets: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        buckets[(event["timestamp"] - start) // step].append(event)
    for number, held in sorted(buckets.items()):
        data = list(_aggregates(calculation, held, keys, asked.parameters.limit))
        yield {"time": iso(start + number * step), "data": data}


def _aggregates(
    calculation: Calculation, events: Sequence[Event], keys: Sequence[str], limit: int
) -> Iterator[dict[str, Any]]:
    groups: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    for event in events:
        groups[tuple(event.get(key) for key in keys)].append(event)
    for values, held in sorted(groups.items(), key=lambda group: -len(group[1]))[:limit]:
        named = [{"key": key, "value": value} for key, value in zip(keys, values, strict=True) if value is not None]
        yield {
            "value": _worked_out(calculation, held),
            "count": len(held),
            "interval": 1,
            "sampleInterval": 1,
            **({"groups": named} if keys else {}),
        }


def _worked_out(calculation: Calculation, events: Sequence[Event]) -> float:
    operator = calculation.operator.lower()
    if operator == "count":
        return len(events)
    values = [event[calculation.key] for event in events if calculation.key in event]
    if operator in {"uniq", "count_distinct"}:
        return len({str(value) for value in values})
    numbers = sorted(float(value) for value in values if isinstance(value, int | float))
    if not numbers:
        return 0
    if operator.startswith("p") and operator[1:].isdigit():
        share = float(f"0.{operator[1:]}")
        return numbers[min(len(numbers) - 1, int(share * len(numbers)))]
    work = WORK.get(operator)
    return work(numbers) if work else 0


WORK: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum, "min": min, "max": max, "median": median, "stddev": pstdev, "variance": pvariance,
    "avg": lambda numbers: sum(numbers) / len(numbers),
}  # fmt: skip
