"""What the gateway's API sends, by the API's own names, tolerant of what it is known to do."""

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Json

from cf_aig_gateway.json_text import load_json
from cf_aig_gateway.shapes import as_object


def _counted(value: int) -> int:
    return max(0, value)


def _facts(value: Any) -> dict[str, Any]:
    """Return an object that the API sends as an object, as JSON text, or as null."""
    try:
        return _object(value)
    except ValueError:
        return {}


def _metadata(value: Any) -> dict[str, Any]:
    """Return metadata as an object; text that is no JSON is the value of `metadata`."""
    try:
        return _object(value)
    except ValueError:
        return {"metadata": value} if value else {}


def _object(value: Any) -> dict[str, Any]:
    return as_object(load_json(value) if isinstance(value, str) else value)


Count = Annotated[int, AfterValidator(_counted)]
Facts = Annotated[dict[str, Any], BeforeValidator(_facts)]
Figure = Annotated[float | None, Field(allow_inf_nan=False)]
Object = dict[str, Any] | Json[dict[str, Any]]

FIGURES = ("duration", "tokens_in", "tokens_out", "cost", "feedback")
OBJECTS = (("metadata", _metadata), ("usage_metadata", _facts), ("timings", _facts))


class Wire(BaseModel):
    """A value of the API: unknown fields are kept."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    @classmethod
    def mended(cls, sent: Any) -> Any:
        """Return a value that the model does not take in a form that it may; here, as it is."""
        return sent


class Gateway(Wire):
    """One gateway, as GET /accounts/{account}/ai-gateway/gateways gives it (TTL and rate interval in seconds)."""

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


class Log(Wire):
    """One logged request (duration in milliseconds, cost in US dollars, created_at in UTC). Ids are opaque."""

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
    metadata: Object = {}
    event_id: str | None = None
    session_id: str | None = None
    user_agent: str | None = None
    usage_metadata: Object = {}
    timings: Object = {}

    @classmethod
    def mended(cls, sent: Any) -> Any:
        """Return a row without figures that no call can have, and with an empty object for null or for no JSON."""
        if not isinstance(sent, dict):
            return sent
        row: dict[str, Any] = {**sent}
        row |= {name: opened(row.get(name)) for name, opened in OBJECTS}
        return row | {
            name: None for name in FIGURES if isinstance(row.get(name), float) and not math.isfinite(row[name])
        }

    @property
    def latency(self) -> float | None:
        """Milliseconds until the first byte of the reply; None where it is not known."""
        value = self.timings.get("latency")
        is_figure = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return value if is_figure else None


class ResultInfo(Wire):
    """Where a page stands. The API gives no count of pages."""

    page: int = 1
    per_page: int = 20
    count: int = 0
    total_count: Count = 0


class ApiError(Wire):
    """One entry of `errors` (management API) or `error` (data plane)."""

    code: int | None = None
    message: str = ""


class Envelope(Wire):
    """What the management API wraps its answers in; `success` may be false under HTTP 200."""

    success: bool = False
    result: Any = None
    result_info: ResultInfo = ResultInfo()
    errors: list[ApiError] = []


class LogsEnvelope(Envelope):
    """The same around logs, which are read at once: in half the time, where they are thousands."""

    result: list[Log] | None = None
