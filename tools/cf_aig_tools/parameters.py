"""Parameters shared by several tools, and how their values are parsed."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.filters import FILTER_KEYS, FLAGS, NUMBERS, ORDERS, Filter, FilterKey, FilterOperator
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import as_logged, one_line
from cf_aig_gateway.shapes import as_list
from cf_aig_tools.guesses import Guesses, guesses
from cf_aig_tools.reading.masking import Masker, marks

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


def _choice(text: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.5)
    return f"{', '.join(known)} or metadata.<key>" + (f"; did you mean {near[0]}?" if near else "")


def _order(text: str) -> str:
    if text in ORDERS or metadata_key(text):
        return text
    raise ValueError(_choice(text, ORDERS))


Order = Annotated[
    str,
    AfterValidator(_order),
    WithJsonSchema({"type": "string", "description": ", ".join([*ORDERS, "metadata.<key>"])}),
]


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

SHOWN_KEYS = [key for key in FILTER_KEYS if not key.startswith("metadata.")]

_BOOLEANS = {"true": True, "false": False}


def _undescribed(schema: dict[str, Any]) -> None:
    """Remove docstrings, which are for readers of the code, from the schema that a model reads."""
    schema.pop("description", None)


METADATA = "metadata."
"""How a metadata key is named wherever a field can be named: metadata.userId."""


def _filter_key(text: str) -> str:
    if text in FILTER_KEYS or metadata_key(text):
        return text
    raise ValueError(_choice(text, FILTER_KEYS))


def metadata_key(name: str) -> str:
    """Return the key in metadata.<key>, or an empty text for any other name, including the API's own two."""
    return "" if name in FILTER_KEYS else one_line(name.removeprefix(METADATA)) if name.startswith(METADATA) else ""


class Clause(BaseModel):
    """A filter as a model writes it: values may be text, whatever the type of the key."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_undescribed)

    key: Annotated[
        str,
        AfterValidator(_filter_key),
        WithJsonSchema({"type": "string", "description": ", ".join([*map(str, SHOWN_KEYS), "metadata.<key>"])}),
    ]
    operator: FilterOperator = "eq"
    value: Annotated[
        list[str | int | float | bool | None],
        BeforeValidator(_clause_values),
        Field(min_length=1),
        WithJsonSchema({"type": "array", "items": {"type": "string"}}),
    ]

    def filter(self) -> Filter:
        """Return the clause for the API, with booleans and numbers according to the key."""
        return Filter(key=cast("FilterKey", self.key), operator=self.operator, value=list(map(self._typed, self.value)))

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
                raise GatewayError(f"filters: {self.key} must be compared with a number, not {value[:80]!r}.") from None
        return value


Clauses = Annotated[list[Clause], WithJsonSchema({"type": "array", "items": {"type": "object"}})]
"""Clauses for a tool that refers to list_logs for their format."""


@dataclass(frozen=True)
class MetadataTest:
    """The accepted values of a metadata key: any of several."""

    name: str
    operator: FilterOperator
    values: Sequence[str | int | float | bool | None]

    def filters(self) -> list[Filter]:
        """Return what the API can check: whether the key exists, and whether some key has such a value."""
        has_key = Filter(key="metadata.key", value=[self.name])
        if self.operator == "neq":
            return [has_key]
        return [has_key, Filter(key="metadata.value", operator=self.operator, value=list(self.values))]

    def holds(self, log: Log) -> bool:
        """Whether a log meets it."""
        if self.name not in log.metadata:
            return False
        return any(self._meets(log.metadata[self.name], value) for value in self.values) != (self.operator == "neq")

    def _meets(self, held: Any, value: Any) -> bool:
        if self.operator in {"gt", "lt"}:
            if marks(str(held)):
                return False
            lower, upper = (value, held) if self.operator == "gt" else (held, value)
            return is_text(lower) == is_text(upper) and in_order(lower) < in_order(upper)
        one, other = (str(as_logged(each)).lower() for each in (held, value))
        return other in one if self.operator == "contains" else one == other


def is_text(value: Any) -> bool:
    """Whether a value is neither a number nor text that looks like one."""
    return in_order(value)[0]


def in_order(value: Any) -> tuple[bool, float, str]:
    """Return a sort key: numbers (also those written as text) first, then texts."""
    try:
        return False, float(value), ""
    except (TypeError, ValueError):
        return True, 0, str(value).lower()


@dataclass(frozen=True)
class Wanted:
    """Which logs to select: what the API is sent, and what it cannot check, because it matches keys and values
    separately.
    """

    filters: tuple[Filter, ...] = ()
    tests: tuple[MetadataTest, ...] = ()
    guesses: Guesses = Guesses()  # noqa: RUF009 (it cannot change)

    @property
    def is_checked(self) -> bool:
        """Whether the API may return logs that don't match."""
        return bool(self.tests or self.guesses.texts)

    def holds(self, log: Log) -> bool:
        """Whether a log, as shown, matches: each metadata key has its value."""
        return not self.is_checked or self._holds(log, self.guesses.as_shown(log))

    def sort(self, logs: Sequence[Log]) -> tuple[list[Log], int]:
        """Return the matching logs, and how many others match only in masked text, which no result mentions."""
        if not self.is_checked:
            return list(logs), 0
        shown = [(log, self.guesses.as_shown(log)) for log in logs]
        kept = [log for log, seen in shown if self._holds(log, seen)]
        return kept, sum(seen is not log and not self._holds(log, seen) for log, seen in shown)

    def _holds(self, log: Log, shown: Log) -> bool:
        is_met = all(test.holds(shown) for test in self.tests)
        return is_met and (shown is log or self.guesses.are_in(shown))


def wanted(
    filters: Sequence[Clause], metadata: Mapping[str, Any], masker: Masker, search: str = "", **values: Any
) -> Wanted:
    """Return the query for logs that meet all clauses, have these pairs, and whose fields have these values.

    An empty value is no condition. `search` is sent to the API in addition.

    Raises:
        GatewayError: a value would be masked when shown, or a text is compared by order.

    """
    equal = [Filter.model_validate({"key": key, "value": [v]}) for key, v in values.items() if v not in (None, "")]
    own = [clause.filter() for clause in filters if not metadata_key(clause.key)]
    tests = [
        *(MetadataTest(name, each.operator, each.value) for each in filters if (name := metadata_key(each.key))),
        *(MetadataTest(one_line(key), "eq", [value]) for key, value in metadata.items()),
    ]
    pairs = [(test.name, value) for test in tests for value in test.values]
    asked = guesses(masker, [*own, *equal], pairs, search)
    if masker.enabled and any(test.operator == "contains" for test in tests):
        asked = replace(asked, masker=masker, is_partial=True)
    return Wanted((*own, *equal, *(sent for test in tests for sent in test.filters())), tuple(tests), asked)


_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(start_date: str, end_date: str) -> tuple[datetime | None, datetime | None]:
    """Parse both ends of a time range; an empty end is open.

    Raises:
        GatewayError: an end is not a date, or they are in the wrong order.

    """
    now = datetime.now(UTC)
    start, end = _moment("start_date", start_date, now), _moment("end_date", end_date, now)
    if start and end and end < start:
        raise GatewayError(f"end_date ({wire_date(end)}) is before start_date ({wire_date(start)}). Swap them.")
    return start, end


def duration(text: str) -> timedelta | None:
    """Parse a duration such as 90m, 24h or 7d; return None for other text."""
    found = _SPAN.fullmatch(text.strip().lower())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def _moment(name: str, text: str, now: datetime) -> datetime | None:
    """Parse ISO 8601 (UTC by default), or a time before now: 90m, 24h, 7d."""
    text = text.strip()
    try:
        if (back := duration(text)) is not None:
            return now - back
        moment = datetime.fromisoformat(text) if text else None
    except (ValueError, OverflowError):
        raise GatewayError(
            f"{name} {text[:80]!r} is not a date. Use ISO 8601, such as 2026-11-21T23:00Z, or a time before now: "
            "90m, 24h, 7d."
        ) from None
    return moment.replace(tzinfo=UTC) if moment and not moment.tzinfo else moment


def wire_date(moment: datetime) -> str:
    """Return a date in the API's format: 2026-11-21T23:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
