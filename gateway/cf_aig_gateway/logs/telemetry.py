"""Workers Observability's telemetry: what is in its events, the events, and sums over them.

POST /accounts/{account}/workers/observability/telemetry/keys and …/query, typed as in the official SDK (cloudflare
5.9.0).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.shapes import as_list, as_object, as_text

Post = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Posts JSON below `…/workers/observability/telemetry/` and returns the envelope's result."""

QUERY = "ai-gateway-logs"
MOST_KEYS = 1000
MOST_GROUPS = 10_000


@dataclass(frozen=True)
class Span:
    """A time range (UTC) without its end."""

    start: datetime
    end: datetime

    def wire(self) -> dict[str, int]:
        """Return it in the API's form: Unix milliseconds."""
        return {"from": round(self.start.timestamp() * 1000), "to": round(self.end.timestamp() * 1000)}


@dataclass(frozen=True)
class Events:
    """Events, newest first, and how many match in all. `is_sampled` if each stands for several."""

    events: list[dict[str, Any]]
    count: int
    is_sampled: bool = False


@dataclass(frozen=True)
class Sum:
    """A value computed over a group's events, at a time if requested by time."""

    groups: Mapping[str, Any]
    value: float
    sample_interval: float = 1
    time: str = ""


@dataclass(frozen=True)
class Calculation:
    """What to compute: `count`, or `sum` and the like of a numeric key."""

    operator: str
    key: str = ""

    def wire(self) -> dict[str, str]:
        """Return it in the API's form."""
        return {"operator": self.operator} | ({"key": self.key, "keyType": "number"} if self.key else {})


@dataclass(frozen=True)
class Asked:
    """Which events: filters in the API's form, and a text anywhere in the events."""

    span: Span
    filters: Sequence[Mapping[str, Any]] = ()
    needle: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def wire(self, view: str, **more: Any) -> dict[str, Any]:
        """Return the body of a query."""
        needle = {"needle": {"value": self.needle, "isRegex": False, "matchCase": False}} if self.needle else {}
        parameters = {"filters": list(self.filters), "filterCombination": "and", **needle, **self.parameters}
        return {"queryId": QUERY, "timeframe": self.span.wire(), "view": view, "parameters": parameters, **more}


async def keys(post: Post, span: Span) -> dict[str, str]:
    """Return the keys of recent events and their types: string, number or boolean."""
    asked: dict[str, Any] = {"limit": MOST_KEYS, **span.wire()}
    found = [as_object(each) for each in as_list(await post("keys", asked))]
    return {as_text(each.get("key")): as_text(each.get("type")) for each in found if each.get("key")}


async def events(post: Post, asked: Asked, limit: int) -> Events:
    """Return events, newest first."""
    result = as_object(await post("query", asked.wire("events", limit=limit)))
    held = as_object(result.get("events"))
    found = [as_object(event) for event in as_list(held.get("events"))[:limit]]
    count = held.get("count")
    level = as_object(result.get("statistics")).get("abr_level")
    return Events(
        found,
        round(count) if isinstance(count, int | float) else len(found),
        isinstance(level, int | float) and level > 1,
    )


async def sums(
    post: Post, asked: Asked, calculations: Sequence[Calculation], groups: Sequence[tuple[str, str]], buckets: int
) -> list[list[Sum]]:
    """Return each calculation's result for each group, by time if there are buckets.

    Groups are pairs of a key and its type.

    Raises:
        GatewayError: the answer lacks a calculation.

    """
    parameters = {
        "calculations": [calculation.wire() for calculation in calculations],
        "groupBys": [{"type": type_, "value": key} for key, type_ in groups],
        "limit": MOST_GROUPS,
    }
    more = {"granularity": buckets} if buckets else {"ignoreSeries": True}
    wire = Asked(asked.span, asked.filters, asked.needle, parameters).wire("calculations", **more)
    found = [as_object(each) for each in as_list(as_object(await post("query", wire)).get("calculations"))]
    if len(found) != len(calculations):
        raise GatewayError("Workers Observability did not return every calculation.")
    return [list(_series(each) if buckets else _aggregates(each)) for each in found]


def _aggregates(calculation: dict[str, Any]) -> list[Sum]:
    return [_sum(as_object(each)) for each in as_list(calculation.get("aggregates"))]


def _series(calculation: dict[str, Any]) -> list[Sum]:
    points = [as_object(point) for point in as_list(calculation.get("series"))]
    return [
        _sum(as_object(each), as_text(point.get("time"))) for point in points for each in as_list(point.get("data"))
    ]


def _sum(held: dict[str, Any], time: str = "") -> Sum:
    groups = [as_object(group) for group in as_list(held.get("groups"))]
    value, interval = held.get("value"), held.get("sampleInterval")
    return Sum(
        {as_text(group.get("key")): group.get("value") for group in groups},
        value if isinstance(value, int | float) else 0,
        interval if isinstance(interval, int | float) else 1,
        time,
    )
