"""The conditions of dynamic routes, in MongoDB's syntax: `{"metadata.plan": {"$eq": "free"}}`."""

from collections.abc import Mapping
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object

Facts = Mapping[str, Any]


def meets(facts: Facts, wanted: Any) -> bool:
    """Whether all members of a condition hold. Facts have names such as `metadata.plan` and `body.temperature`."""
    return all(_holds(facts, name, value) for name, value in as_object(wanted).items())


def at(facts: Facts, key: str) -> Any:
    """Return the fact that a key names; None if there isn't one."""
    part, _, name = key.partition(".")
    return as_object(facts.get(part)).get(name)


def _holds(facts: Facts, name: str, wanted: Any) -> bool:
    if name in {"$and", "$or"}:
        met = [meets(facts, each) for each in as_list(wanted)]
        return all(met) if name == "$and" else any(met)
    if name == "$not":
        return not meets(facts, wanted)
    tests = as_object(wanted) if isinstance(wanted, dict) else {"$eq": wanted}
    return all(_compares(at(facts, name), operator, other) for operator, other in tests.items())


def _compares(value: Any, operator: str, other: Any) -> bool:
    match operator:
        case "$eq":
            return value == other
        case "$ne":
            return value != other
        case "$in":
            return value in as_list(other)
        case "$nin":
            return value not in as_list(other)
        case "$exists":
            return (value is not None) == bool(other)
        case _:
            return _is_ordered(value, operator, other)


def _is_ordered(value: Any, operator: str, other: Any) -> bool:
    if not isinstance(value, int | float) or not isinstance(other, int | float):
        return False
    orders = {"$gt": value > other, "$gte": value >= other, "$lt": value < other, "$lte": value <= other}
    return orders.get(operator, False)
