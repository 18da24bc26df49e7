"""Which of a gateway's logs are requested: the query of GET and DELETE …/logs."""

from datetime import UTC, datetime
from math import isnan, nan
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, Json, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from cf_aig_gateway.filters import FLAGS, NUMBERS, FilterKey, FilterOperator, FilterValue, OrderBy

Direction = Literal["asc", "desc"]

MAX_TEXT = 4096
"""The most characters of a text that logs are compared with."""

KNOWN_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def _moment(value: Any) -> int:
    """Return UTC milliseconds. A date without a zone is UTC."""
    try:
        at = datetime.fromisoformat(value)
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        raise PydanticCustomError("date", "Invalid date") from None


Moment = Annotated[int, BeforeValidator(_moment)]


class Clause(BaseModel, defer_build=True):
    """A filter as the API requires it, with its values converted to their key's type.

    The API's own rule for a value of another type is unknown. Here a number in quotes is accepted, and a word is
    refused.
    """

    key: FilterKey
    operator: FilterOperator
    value: list[FilterValue] = Field(min_length=1, max_length=100)

    @field_validator("value")
    @classmethod
    def _of_its_key(cls, values: list[FilterValue], info: ValidationInfo) -> list[FilterValue]:
        key = info.data.get("key", "")
        contains = info.data.get("operator") == "contains"
        return [None if value is None else _typed("text" if contains else key, value) for value in values]


class LogFilter(BaseModel, defer_build=True):
    """Which logs, in which order. Shared by list and delete."""

    filters: Json[Annotated[list[Clause], Field(max_length=100)]] = []
    order_by: OrderBy = "created_at"
    order_by_direction: Direction | None = None


class LogDeletion(LogFilter):
    """The query of DELETE …/logs. Without a direction, the oldest go first."""

    limit: int | None = Field(None, ge=1)


class LogQuery(LogFilter):
    """The query of GET …/logs, its deprecated parameters included. Ranges are inclusive."""

    page: int = Field(1, ge=1)
    per_page: int = Field(20, ge=1, le=50)
    meta_info: bool = False
    search: str = Field("", max_length=MAX_TEXT)
    direction: Direction = "desc"

    success: bool | None = None
    cached: bool | None = None
    feedback: Annotated[float, Field(ge=-1, le=1)] | None = None
    provider: str | None = None
    model: str | None = None
    model_type: str | None = None
    request_content_type: str | None = None
    response_content_type: str | None = None

    start_date: Moment | None = None
    end_date: Moment | None = None
    min_cost: float | None = None
    max_cost: float | None = None
    min_duration: float | None = None
    max_duration: float | None = None
    min_tokens_in: float | None = None
    max_tokens_in: float | None = None
    min_tokens_out: float | None = None
    max_tokens_out: float | None = None
    min_total_tokens: float | None = None
    max_total_tokens: float | None = None


class LogSearch(LogQuery):
    """The query of GET …/logs/search: a text in bodies, a session id, or both."""

    text: str = Field("", max_length=MAX_TEXT)
    session: str = Field("", max_length=MAX_TEXT)

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.text and not self.session:
            raise PydanticCustomError("search", "Required: text or session")
        return self


class LogFingerprints(LogQuery):
    """The query of GET …/logs/fingerprints: the newest logs, or those older than the log `after`."""

    per_page: int = Field(1000, ge=1, le=5000)
    after: str = ""


def plain_text(value: str | float) -> str:
    """Return a scalar as JSON, without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(key: str, value: str | float) -> FilterValue:
    _refuse_extremes(value)
    if key in NUMBERS:
        return _number(value)
    if key in FLAGS:
        return _flag(value)
    if key == "created_at":
        return _moment(value)
    return value if key == "metadata.value" else plain_text(value)


def _refuse_extremes(value: str | float) -> None:
    """Refuse a text too long to search for, and an integer that doesn't fit in a float."""
    if not isinstance(value, str):
        _number(value)
    elif len(value) > MAX_TEXT:
        raise PydanticCustomError("length", "String must contain at most {max} character(s)", {"max": MAX_TEXT})


def _number(value: str | float) -> float:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = nan
    if isnan(number):
        raise PydanticCustomError("number", "Expected number, received string")
    return number


def _flag(value: str | float) -> bool:
    flag = KNOWN_FLAGS.get(plain_text(value))
    if flag is None:
        kind = "string" if isinstance(value, str) else "number"
        raise PydanticCustomError("flag", "Expected boolean, received {kind}", {"kind": kind})
    return flag
