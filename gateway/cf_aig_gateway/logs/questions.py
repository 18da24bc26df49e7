"""Queries for logs as telemetry filters or, where it has none, as tests on each log that is read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cf_aig_gateway.analytics import Grouping
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.logs import fields
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import as_logged
from cf_aig_gateway.shapes import as_list

Wire = dict[str, Any]
Test = Callable[[Log], bool]

OPERATIONS = {"eq": "eq", "neq": "neq", "contains": "includes", "lt": "lt", "gt": "gt"}
COMPARISONS = {"": "eq", "neq": "neq", "gt": "gt", "geq": "gte", "lt": "lt", "leq": "lte", "in": "eq", "notin": "neq"}
"""Analytics' comparisons, by the suffix of a dimension's name."""

DIMENSIONS = {
    "gateway": "gateway", "model": "model", "provider": "provider", "statusCode": "status_code", "cached": "cached",
    "durationMs": "duration", "tokensIn": "tokens_in", "tokensOut": "tokens_out", "userAgent": "user_agent",
}  # fmt: skip
STEPS = {
    "datetimeMinute": timedelta(minutes=1), "datetimeFiveMinutes": timedelta(minutes=5),
    "datetimeHour": timedelta(hours=1), "date": timedelta(days=1),
}  # fmt: skip


@dataclass
class Question:
    """Filters for telemetry, tests for what it can't filter, and notes about them."""

    filters: list[Wire] = field(default_factory=list[Wire])
    tests: list[Test] = field(default_factory=list[Test])
    notes: list[str] = field(default_factory=list[str])


@dataclass
class Groups:
    """A query for sums: by which keys, and the extra filters that select failed and cached calls."""

    filters: list[Wire]
    groups: list[tuple[str, str]]
    dimensions: Mapping[str, str]
    failed: list[Wire]
    cached: list[Wire]

    def buckets(self, grouping: Grouping) -> int:
        """Return the number of time buckets in the span; 0 for none."""
        step = next((STEPS[name] for name in grouping.by if name in STEPS), None)
        return 0 if step is None else max(1, round((grouping.end - grouping.start) / step))


class Questions:
    """Writes queries for events of one shape."""

    def __init__(self, shape: fields.Shape) -> None:
        self._shape = shape

    def key(self, name: str) -> str:
        """Return the key to query a field by; empty if there isn't one."""
        return self._shape.keys.get(name, "") if self._shape.can_be_asked(name) else ""

    def asked(self, gateway_id: str, filters: Sequence[Filter]) -> Question:
        """Return the query for a gateway's logs that match filters."""
        question = Question(list(self._scope(gateway_id)))
        if not self.key("gateway"):
            question.notes.append("Its events do not name a gateway, so these are the logs of all gateways.")
        keys = [filter_ for filter_ in filters if filter_.key == "metadata.key"]
        for each in filters:
            if each.key == "metadata.key":
                question.filters.append(_any([self._exists(self._attribute(value)) for value in each.value]))
            elif each.key == "metadata.value":
                question.filters += self._metadata(each, keys)
            else:
                self._field(question, each)
        return question

    def _scope(self, gateway_id: str) -> Iterator[Wire]:
        if key := self.key("model"):
            yield self._exists(key)
        if gateway_id and (key := self.key("gateway")):
            yield self._leaf(key, "eq", gateway_id)

    def _field(self, question: Question, each: Filter) -> None:
        if each.key == "success" and not self.key("success") and self.key("status_code"):
            wanted = [value is True for value in each.value]
            question.filters.append(
                _any([self._succeeded(is_wanted != (each.operator == "neq")) for is_wanted in wanted])
            )
        elif key := self.key(each.key):
            is_model = each.key == "model"
            question.filters.append(self._compared(key, OPERATIONS[each.operator], each.value, is_model=is_model))
        else:
            question.tests.append(lambda log: holds(log, each))
            question.notes.append(f"Events cannot be filtered by {each.key}: only the events read were checked.")

    def _compared(self, key: str, operator: str, values: Sequence[Any], *, is_model: bool = False) -> Wire:
        leaves: list[Wire] = []
        for value in values:
            if value is None:
                leaves.append({**self._exists(key), "operation": "is_null"})
                continue
            leaves.append(self._leaf(key, operator, value))
            if is_model and isinstance(value, str) and "/" in value and not value.startswith("@"):
                leaves.append(self._leaf(key, operator, value.partition("/")[2]))
        return _all(leaves) if operator == "neq" else _any(leaves)

    def _exists(self, key: str) -> Wire:
        return {"key": key, "operation": "exists", "type": self._shape.types.get(key, "string")}

    def _attribute(self, name: Any) -> str:
        """Return the key of a caller's metadata. An unknown key may belong to a call made just now."""
        return self._shape.attribute(str(as_logged(name))) or str(as_logged(name))

    def _metadata(self, each: Filter, keys: Sequence[Filter]) -> Iterator[Wire]:
        """Yield the conditions on a metadata key together with its value, since each entry has its own key."""
        names = [self._attribute(value) for key in keys for value in key.value]
        if names:
            yield _any([self._compared(name, OPERATIONS[each.operator], each.value) for name in names])

    def _leaf(self, key: str, operation: str, value: Any) -> Wire:
        """Return a comparison in the key's type or, if the value doesn't fit, as text."""
        type_ = self._shape.types.get(key, "string")
        given: Any = str(value).lower() if isinstance(value, bool) else str(as_logged(value))
        if type_ == "number" and fields.number(value) is not None:
            given = fields.number(value)
        elif type_ == "boolean" and fields.flag(value) is not None:
            given = fields.flag(value)
        else:
            type_ = "string"
        return {"key": key, "operation": operation, "type": type_, "value": given}

    def _succeeded(self, is_wanted: bool) -> Wire:
        key = self.key("status_code")
        edges = ("gte", 200), ("lt", 300)
        if is_wanted:
            return _all([self._leaf(key, operation, value) for operation, value in edges])
        return _any([self._leaf(key, operation, value) for operation, value in (("lt", 200), ("gte", 300))])

    def grouped(self, gateway_id: str, grouping: Grouping) -> Groups:
        """Return the query for sums over the calls of a grouping."""
        filters = [*self._scope(gateway_id), *self._tests(grouping.filters)]
        named = [name for name in grouping.by if name not in STEPS]
        dimensions = {name: self.key(DIMENSIONS[name]) for name in named if name in DIMENSIONS}
        keys = [*dimensions.values(), self.key("provider") if "model" in dimensions else ""]
        groups = [(key, self._shape.types[key]) for key in dict.fromkeys(keys) if key]
        return Groups(filters, groups, dimensions, self._failed(), self._cached())

    def _failed(self) -> list[Wire]:
        if key := self.key("success"):
            return [self._leaf(key, "eq", False)]
        return [self._succeeded(False)] if self.key("status_code") else []

    def _cached(self) -> list[Wire]:
        key = self.key("cached")
        return [self._leaf(key, "eq", True)] if key else []

    def _tests(self, filters: Mapping[str, Any]) -> Iterator[Wire]:
        for name, value in filters.items():
            if name in {"AND", "OR"}:
                parts = [_all(list(self._tests(part))) for part in value]
                yield _all(parts) if name == "AND" else _any(parts)
                continue
            dimension, _, comparison = name.partition("_")
            values: list[Any] = as_list(value) if isinstance(value, list) else [value]
            if dimension == "error":
                yield _any([_all(self._failed()) if each else self._answered() for each in values])
            elif key := self.key(DIMENSIONS.get(dimension, "")):
                yield self._compared(key, COMPARISONS[comparison], values, is_model=dimension == "model")

    def _answered(self) -> Wire:
        key = self.key("success")
        return self._leaf(key, "eq", True) if key else self._succeeded(True)


def _any(filters: Sequence[Wire]) -> Wire:
    return _group("or", filters)


def _all(filters: Sequence[Wire]) -> Wire:
    return _group("and", filters)


def _group(combination: str, filters: Sequence[Wire]) -> Wire:
    if len(filters) == 1:
        return filters[0]
    return {"kind": "group", "filterCombination": combination, "filters": list(filters)}


def holds(log: Log, asked: Filter) -> bool:
    """Whether a log matches a filter."""
    held = getattr(log, asked.key, None)
    if asked.operator == "neq":
        return not any(_same(held, value) for value in asked.value)
    return any(_meets(held, asked.operator, value) for value in asked.value)


def _meets(held: Any, operator: str, value: Any) -> bool:
    if operator == "eq":
        return _same(held, value)
    if operator == "contains":
        return str(as_logged(value)).lower() in str(as_logged(held) or "").lower()
    one, other = fields.number(held), fields.number(value)
    if one is None or other is None:
        return False
    return one < other if operator == "lt" else one > other


def _same(held: Any, value: Any) -> bool:
    return str(as_logged(held)).lower() == str(as_logged(value)).lower()


def sort_key(log: Log, name: str) -> tuple[bool, float, str]:
    """Return the sort key of a log: unknown values first, then numbers, then texts."""
    value = getattr(log, name, None)
    known = fields.number(value)
    return value is not None, known or 0.0, "" if known is not None else str(value)
