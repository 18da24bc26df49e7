"""The filter language of the logs API: clauses joined by AND, sent as one JSON query parameter.

Keys and operators: the official SDK's `ai_gateway.logs.list` (cloudflare 5.9.0).
"""

from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.one_line import as_logged

FilterKey = Literal[
    "id",
    "created_at",
    "request_content_type",
    "response_content_type",
    "request_type",
    "success",
    "cached",
    "provider",
    "model",
    "model_type",
    "cost",
    "tokens",
    "tokens_in",
    "tokens_out",
    "duration",
    "feedback",
    "event_id",
    "metadata.key",
    "metadata.value",
    "authentication",
    "wholesale",
    "compatibilityMode",
    "dlp_action",
    "user_agent",
]
OrderBy = Literal[
    "created_at",
    "provider",
    "model",
    "model_type",
    "success",
    "cached",
    "cost",
    "tokens_in",
    "tokens_out",
    "duration",
    "feedback",
]
FilterOperator = Literal["eq", "neq", "contains", "lt", "gt"]
FilterValue = str | bool | int | float | None

FILTER_KEYS: tuple[str, ...] = get_args(FilterKey)
ORDERS: tuple[str, ...] = get_args(OrderBy)

NUMBERS = frozenset({"cost", "tokens", "tokens_in", "tokens_out", "duration", "feedback"})
"""Keys whose value is a number."""

FLAGS = frozenset({"success", "cached", "authentication", "wholesale", "compatibilityMode"})
"""Keys whose value is a boolean."""


class Filter(BaseModel):
    """One clause: `key operator any-of value`. The API takes `value` only as a list."""

    model_config = ConfigDict(extra="forbid")

    key: FilterKey
    operator: FilterOperator = "eq"
    value: list[FilterValue] = Field(min_length=1)


_FILTERS = TypeAdapter(list[Filter])


def dump(filters: Sequence[Filter]) -> str:
    """Return the JSON for the `filters` query parameter."""
    return write_json(as_logged(_FILTERS.dump_python(list(filters)))).decode()
