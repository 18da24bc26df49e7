"""The gateway API's data, under the API's own names, tolerant of its known quirks."""

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Json

from cf_aig_gateway.json_text import load_json
from cf_aig_gateway.one_line import MOST, lined, one_line, shortened, word
from cf_aig_gateway.shapes import as_object, as_text


def _object(value: Any) -> dict[str, Any]:
    return as_object(load_json(value) if isinstance(value, str) else value)


def _facts(value: Any) -> dict[str, Any]:
    """Return an object that the API may send as an object, as JSON text, or as null."""
    try:
        return _object(value)
    except ValueError:
        return {}


def _metadata(value: Any) -> dict[str, Any]:
    """Return metadata as an object. Text that isn't JSON becomes the value of `metadata`."""
    try:
        return _object(value)
    except ValueError:
        return {"metadata": value} if value else {}


def _nothing(value: Any) -> dict[str, Any]:
    if value is not None:
        raise ValueError("not null")
    return {}


def _counted(value: int) -> int:
    return max(0, value)


Count = Annotated[int, AfterValidator(_counted)]
Facts = Annotated[dict[str, Any], BeforeValidator(_facts)]
Figure = Annotated[float | None, Field(allow_inf_nan=False)]
Nothing = Annotated[dict[str, Any], BeforeValidator(_nothing)]
Object = Annotated[dict[str, Any] | Json[dict[str, Any]] | Nothing, Field(union_mode="left_to_right")]
"""An object, JSON text of one, or null. In this order, reading one costs two thirds of what a smart union does."""
EMPTY: Any = Field(default_factory=dict[str, Any])  # a default of {} would be deep-copied for each log

BODIES = frozenset({"request", "response", "request_head", "response_head"})
"""Fields of a log with bodies or their beginnings: they have several lines, and are shown in a frame."""

NAMES = frozenset(
    {"id", "provider", "model", "path", "event_id", "session_id", "request_type", "model_type", "request_content_type",
     "response_content_type"}
)  # fmt: skip
"""Fields of a log that are shown as one word."""

FIGURES = ("duration", "tokens_in", "tokens_out", "cost", "feedback")
OBJECTS = (("metadata", _metadata), ("usage_metadata", _facts), ("timings", _facts))


class Wire(BaseModel):
    """A value of the API: unknown fields are kept."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    @classmethod
    def mended(cls, sent: Any) -> Any:
        """Return a gateway's data in the model's form, with texts made safe to show."""
        return lined(sent)


class Gateway(Wire):
    """One gateway, from GET /accounts/{account}/ai-gateway/gateways (TTL and rate interval in seconds).

    Its id is one word; its other texts are single lines.
    """

    id: str
    collect_logs: bool | None = None
    cache_ttl: int | None = None
    rate_limiting_limit: int | None = None
    rate_limiting_interval: int | None = None
    rate_limiting_technique: str | None = None
    authentication: bool | None = None
    log_management: int | None = None
    log_management_strategy: str | None = None
    retry_max_attempts: int | None = None
    byok_only: bool | None = None
    log_classification: bool | None = None
    zdr: bool | None = None
    guardrails: Facts = {}
    dlp: Facts = {}
    spend_limits: Facts = {}
    created_at: str | None = None

    @classmethod
    def mended(cls, sent: Any) -> Any:
        """Return a gateway with its id as one word, and its other texts as single lines."""
        held = as_object(lined(sent))
        return held | {"id": word(as_text(held["id"]))} if "id" in held else sent


class Log(Wire):
    """One logged request (duration in milliseconds, cost in US dollars, created_at in UTC). Ids are opaque.

    NAMES are single words, and other texts single lines, except BODIES. `one_line.as_logged` reverses this.
    """

    id: str
    created_at: str | None = None
    provider: str | None = None
    model: str | None = None
    success: bool | None = None
    cached: bool | None = None
    status_code: int | None = None
    duration: Figure = None
    tokens_in: Figure = None
    tokens_out: Figure = None
    cost: Figure = None
    step: int | None = None
    path: str | None = None
    request_type: str | None = None
    feedback: Figure = None
    metadata: Object = EMPTY
    event_id: str | None = None
    session_id: str | None = None
    user_agent: str | None = None
    usage_metadata: Object = EMPTY
    timings: Object = EMPTY

    @classmethod
    def mended(cls, sent: Any) -> Any:
        """Return a row with its objects parsed, impossible figures removed, and its texts as single lines."""
        if not isinstance(sent, dict):
            return sent
        row: dict[str, Any] = {**sent}
        row |= {name: opened(row.get(name)) for name, opened in OBJECTS}
        row |= {name: None for name in FIGURES if isinstance(row.get(name), float) and not math.isfinite(row[name])}
        return {word(name): value if name in BODIES else _in_line(name, value) for name, value in row.items()}

    @property
    def latency(self) -> float | None:
        """Milliseconds until the reply's first byte; None if unknown."""
        value = self.timings.get("latency")
        is_figure = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return value if is_figure else None


def _in_line(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return lined(value)
    return word(value) if name in NAMES else one_line(shortened(value, MOST))


class ResultInfo(Wire):
    """A page's position. The API doesn't return a page count."""

    page: int = 1
    per_page: int = 20
    count: int = 0
    total_count: Count = 0


class ApiError(Wire):
    """One entry of `errors` (management API) or `error` (data plane)."""

    code: int | None = None
    message: str = ""


class Envelope(Wire):
    """The management API's wrapper of answers. `success` may be false under HTTP 200."""

    success: bool = False
    result: Any = None
    result_info: ResultInfo = ResultInfo()
    errors: list[ApiError] = []
