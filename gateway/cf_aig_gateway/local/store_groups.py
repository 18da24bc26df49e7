"""Logs in groups: counted and added up, by the names of Cloudflare's analytics."""
# ruff: noqa: S608 (SQL is built only from our own constants; every value is bound)

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cf_aig_gateway.local.store_conditions import Condition, first_seq, joined
from cf_aig_gateway.local.store_schema import SEQUENCE_BITS

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

PERIODS = {
    "datetime": 1,
    "datetimeMinute": MINUTE,
    "datetimeFiveMinutes": 5 * MINUTE,
    "datetimeHour": HOUR,
    "date": DAY,
}
"""Time dimensions, with the milliseconds that one value covers."""

TEXTS = {
    "gateway": "gateway",
    "provider": "provider",
    "model": "model",
    "userAgent": "coalesce(user_agent, '')",
    "metadataRaw": "coalesce(metadata, '')",
    "sessionId": "coalesce(session, '')",
}
"""Text dimensions; `sessionId` is this gateway's own."""

NUMBERS = {
    "statusCode": "status_code",
    "cached": "cached",
    "error": "1 - success",
    "rateLimited": "status_code = 429",
    "durationMs": "duration",
    "tokensIn": "coalesce(tokens_in, 0)",
    "tokensOut": "coalesce(tokens_out, 0)",
}
DIMENSIONS = {
    **{name: f"(seq >> {SEQUENCE_BITS}) / {period} * {period}" for name, period in PERIODS.items()},
    **TEXTS,
    **NUMBERS,
}
SUMS = {
    "cachedRequests": "sum(cached)",
    "erroredRequests": "sum(1 - success)",
    "cachedTokensIn": "sum(cached * coalesce(tokens_in, 0))",
    "cachedTokensOut": "sum(cached * coalesce(tokens_out, 0))",
    "uncachedTokensIn": "sum((1 - cached) * coalesce(tokens_in, 0))",
    "uncachedTokensOut": "sum((1 - cached) * coalesce(tokens_out, 0))",
    "cost": "total(cost)",
}
FIGURES = ("count", *(f"sum_{name}" for name in SUMS))
"""What groups can be sorted by, besides their dimensions."""

COMPARISONS = {"": "=", "neq": "<>", "gt": ">", "geq": ">=", "lt": "<", "leq": "<=", "in": "IN", "notin": "NOT IN"}
"""What may follow a dimension's name in a filter, after an underscore."""


@dataclass(frozen=True)
class Grouping:
    """How logs are grouped: by which dimensions, in which order, and how many groups at most."""

    by: Sequence[str]
    order: Sequence[str]
    limit: int

    def sql(self, where: Condition) -> str:
        """Return the query for the groups of logs that meet a condition."""
        terms = [f"{DIMENSIONS[name]} AS {name}" for name in self.by]
        terms += ["count(*) AS count", *(f"{sql} AS sum_{name}" for name, sql in SUMS.items())]
        places = ", ".join(str(place) for place in range(1, len(self.by) + 1))
        return (
            f"SELECT {', '.join(terms)} FROM logs WHERE {where.sql}"
            + (f" GROUP BY {places}" if places else "")
            + " HAVING count(*) > 0"
            + (f" ORDER BY {', '.join(self._order())}" if self.order else "")
            + " LIMIT ?"
        )

    def _order(self) -> Iterator[str]:
        for term in self.order:
            name, _, direction = term.rpartition("_")
            yield f"{name} {direction}"


def groups(db: sqlite3.Connection, where: Condition, grouping: Grouping) -> list[dict[str, Any]]:
    """Return each group's count, sums and dimensions by name. Times are UTC milliseconds."""
    rows = db.execute(grouping.sql(where), (*where.values, grouping.limit))
    return [
        {
            "count": row["count"],
            "sum": {name: row[f"sum_{name}"] for name in SUMS},
            "dimensions": {name: row[name] for name in grouping.by},
        }
        for row in rows
    ]


def condition(filters: Mapping[str, Any]) -> Condition:
    """Return the condition for all of the filters, by Cloudflare's names. Times are UTC milliseconds."""
    tests = [_test(name, value) for name, value in filters.items() if value is not None]
    return joined(" AND ", tests or [Condition("TRUE")])


def _test(name: str, value: Any) -> Condition:
    if name in {"AND", "OR"}:
        return joined(f" {name} ", [condition(part) for part in value] or [Condition("TRUE")])
    dimension, _, comparison = name.partition("_")
    if dimension in PERIODS and comparison in {"gt", "geq", "lt", "leq"}:
        return _bound(PERIODS[dimension], comparison, value)
    if comparison in {"in", "notin"}:
        marks = ", ".join("?" for _ in value)
        return Condition(f"({DIMENSIONS[dimension]}) {COMPARISONS[comparison]} ({marks})", tuple(value))
    return Condition(f"likely(({DIMENSIONS[dimension]}) {COMPARISONS[comparison]} ?)", (value,))


def _bound(period: int, comparison: str, at: int) -> Condition:
    """Compare the start of a log's period by the rowid, so that no other log is read."""
    first = at // period * period if comparison in {"geq", "lt"} and at % period == 0 else (at // period + 1) * period
    return Condition(f"seq {'>=' if comparison in {'gt', 'geq'} else '<'} ?", (first_seq(first),))
