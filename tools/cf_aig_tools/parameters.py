"""Parameters that several tools share, and how their values are read."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.filters import FLAGS, NUMBERS, Filter, FilterKey, FilterOperator
from cf_aig_gateway.models import Log
from cf_aig_gateway.shapes import as_list

GatewayId = Annotated[str, Field(description="From list_gateways; default: the configured one")]
LogId = Annotated[str, Field(description="From list_logs", min_length=1)]
Page = Annotated[int, Field(ge=1)]
PerPage = Annotated[int, Field(ge=1, le=50)]
Budget = Annotated[int, Field(ge=200, le=10_000, description="Tokens of the result")]
View = Annotated[
    Literal["", "conversation", "outline", "raw"],
    Field(description="Default: what fits. outline: sizes by pointer; raw: as stored"),
]
Pointer = Annotated[str, Field(description="Show one part: /messages/0")]
SearchText = Annotated[str, Field(description="Show matches and where they are")]
Offset = Annotated[int, Field(description="Characters; negative: from the end")]
Limit = Annotated[int, Field(ge=0, description="Characters")]


def _scalar(value: Any) -> str | int | float | bool:
    if isinstance(value, str | int | float):
        return value
    raise ValueError("must be text, a number or a boolean")


def _clause_values(value: Any) -> Any:
    return as_list(value) or [value]


Metadata = Annotated[
    dict[str, Annotated[str | int | float | bool, BeforeValidator(_scalar)]],
    WithJsonSchema({"type": "object"}),
]

_BOOLEANS = {"true": True, "false": False}


def _undescribed(schema: dict[str, Any]) -> None:
    """Take the docstring, which is for readers of the code, out of what a model reads."""
    schema.pop("description", None)


class Clause(BaseModel):
    """A filter as a model writes it: values may be text whatever the key holds."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_undescribed)

    key: FilterKey
    operator: FilterOperator = "eq"
    value: Annotated[
        list[str | int | float | bool | None],
        BeforeValidator(_clause_values),
        Field(min_length=1),
        WithJsonSchema({"type": "array", "items": {"type": "string"}}),
    ]

    def filter(self) -> Filter:
        """Return the clause as the API takes it: booleans and numbers by the key."""
        return Filter(key=self.key, operator=self.operator, value=[self._typed(value) for value in self.value])

    def _typed(self, value: str | int | float | bool | None) -> str | int | float | bool | None:
        if not isinstance(value, str):
            return value
        if value == "null":
            return None
        if self.key in FLAGS and value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        if self.key in NUMBERS:
            try:
                return float(value)
            except ValueError:
                raise GatewayError(f"filters: {self.key} is compared with a number, not {value[:80]!r}.") from None
        return value


def clauses(filters: Sequence[Clause], **values: Any) -> list[Filter]:
    """Return the filters, and clauses for logs whose fields have these values; an empty one asks nothing."""
    equal = [Filter.model_validate({"key": key, "value": [v]}) for key, v in values.items() if v not in (None, "")]
    return [*(clause.filter() for clause in filters), *equal]


def holds(log: Log, metadata: dict[str, Any]) -> bool:
    """Whether the pairs stand in a log as pairs; the API matches keys and values apart."""
    return all(str(log.metadata.get(key)).lower() == str(value).lower() for key, value in metadata.items())


_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(start_date: str, end_date: str) -> tuple[datetime | None, datetime | None]:
    """Read the two ends of a span of time; an empty one is open.

    Raises:
        GatewayError: an end is no date, or they are the wrong way round.

    """
    now = datetime.now(UTC)
    start, end = _moment("start_date", start_date, now), _moment("end_date", end_date, now)
    if start and end and end < start:
        raise GatewayError(f"end_date ({wire_date(end)}) is before start_date ({wire_date(start)}): swap them.")
    return start, end


def duration(text: str) -> timedelta | None:
    """Read a length of time, as 90m, 24h, 7d; None where the text is none."""
    found = _SPAN.fullmatch(text.strip().lower())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def _moment(name: str, text: str, now: datetime) -> datetime | None:
    """Read ISO 8601 (UTC unless it says otherwise), or a span back from now: 90m, 24h, 7d."""
    text = text.strip()
    try:
        if (back := duration(text)) is not None:
            return now - back
        moment = datetime.fromisoformat(text) if text else None
    except (ValueError, OverflowError):
        raise GatewayError(
            f"{name} {text[:80]!r} is no date. Give ISO 8601, as 2026-11-21T23:00Z, or a span back from now: "
            "90m, 24h, 7d."
        ) from None
    return moment.replace(tzinfo=UTC) if moment and not moment.tzinfo else moment


def wire_date(moment: datetime) -> str:
    """Return the form that the API takes: 2026-11-21T23:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
