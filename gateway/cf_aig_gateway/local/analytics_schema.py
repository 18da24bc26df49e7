"""The schema of Cloudflare's GraphQL analytics: the parts that are about AI Gateway and can be computed from logs.

Its names come from queries that public clients send to Cloudflare. Anything else is refused by name.
"""

from datetime import UTC, datetime
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
)

from cf_aig_gateway.local.store_groups import COMPARISONS, DAY, FIGURES, NUMBERS, PERIODS, SUMS, TEXTS

DATA_SET = "AccountAiGatewayRequestsAdaptiveGroups"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise GraphQLError(f"expected a string, got {value!r}")


def _whole(value: Any) -> int:
    if isinstance(value, int) and 0 <= value < 1 << 63:
        return int(value)
    raise GraphQLError(f"expected a whole number, got {value!r}")


def _milliseconds(value: Any) -> int:
    """Return UTC milliseconds. A time without a zone is UTC."""
    try:
        at = datetime.fromisoformat(_text(value))
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise GraphQLError(f"expected a time as 2026-11-21T12:00:00Z, got {value!r}") from None


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat().replace("+00:00", "Z")


def _date(at: int) -> str:
    return _time(at)[:10]


STRING = GraphQLScalarType("string", coerce_input_value=_text)
UINT64 = GraphQLScalarType("uint64", coerce_input_value=_whole)
FLOAT64 = GraphQLScalarType("float64")
TIME = GraphQLScalarType("Time", coerce_output_value=_time, coerce_input_value=_milliseconds)
DATE = GraphQLScalarType("Date", coerce_output_value=_date, coerce_input_value=_milliseconds)

TYPES = {
    **{name: DATE if period == DAY else TIME for name, period in PERIODS.items()},
    **dict.fromkeys(TEXTS, STRING),
    **dict.fromkeys(NUMBERS, UINT64),
}
"""The types of the dimensions."""


def _filter_fields() -> dict[str, GraphQLInputField]:
    either = {name: GraphQLInputField(GraphQLList(GraphQLNonNull(FILTER))) for name in ("AND", "OR")}
    return either | {
        f"{name}_{comparison}" if comparison else name: GraphQLInputField(
            GraphQLList(GraphQLNonNull(kind)) if comparison in {"in", "notin"} else kind
        )
        for name, kind in TYPES.items()
        for comparison in COMPARISONS
    }


FILTER = GraphQLInputObjectType(f"{DATA_SET}Filter_InputObject", _filter_fields)
ORDER_BY = GraphQLEnumType(
    f"{DATA_SET}OrderBy", {term: term for name in (*TYPES, *FIGURES) for term in (f"{name}_ASC", f"{name}_DESC")}
)
SUM = GraphQLObjectType(
    f"{DATA_SET}Sum",
    {name: GraphQLField(FLOAT64 if name == "cost" else UINT64) for name in SUMS},
)
DIMENSIONS = GraphQLObjectType(f"{DATA_SET}Dimensions", {name: GraphQLField(kind) for name, kind in TYPES.items()})
GROUP = GraphQLObjectType(
    DATA_SET,
    {
        "count": GraphQLField(UINT64),
        "dimensions": GraphQLField(DIMENSIONS),
        "sum": GraphQLField(SUM),
    },
)
