"""A gateway's settings: the body of POST and PUT …/gateways."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST = 2**31 - 1
"""The largest number accepted where the API documents no limit."""

RetryBackoff = Literal["constant", "linear", "exponential"]


class Values(BaseModel, defer_build=True):
    """Values that a rule applies to. With `partition`, each metadata value has its own limit."""

    model_config = ConfigDict(strict=True)

    mode: Literal["filter", "partition"]
    values: list[str] | None = None


class SpendRule(BaseModel, defer_build=True):
    """The most that calls may cost (US dollars) in a window (seconds)."""

    model_config = ConfigDict(strict=True, extra="allow")

    limit: float = Field(ge=0)
    limitType: Literal["cost"]  # noqa: N815 (the API's name)
    window: int = Field(ge=1, le=MOST)
    id: str | None = None
    enabled: bool | None = None
    technique: Literal["fixed", "sliding"] | None = None
    provider: Values | None = None
    model: Values | None = None
    metadata: dict[str, Values] | None = None


class SpendLimits(BaseModel, defer_build=True):
    """A gateway's spend limits, up to 20 rules."""

    model_config = ConfigDict(strict=True)

    enabled: bool | None = None
    rules: Annotated[list[SpendRule], Field(max_length=20)] | None = None


class GatewaySettings(BaseModel, defer_build=True):
    """The settings of a gateway (seconds, except `retry_delay` in milliseconds). The first five are required.

    Settings that this gateway doesn't use (DLP, OpenTelemetry) are stored and returned.
    """

    model_config = ConfigDict(strict=True)

    cache_invalidate_on_update: bool
    cache_ttl: int | None = Field(ge=0, le=MOST)
    collect_logs: bool
    rate_limiting_interval: int | None = Field(ge=0, le=MOST)
    rate_limiting_limit: int | None = Field(ge=0, le=MOST)

    rate_limiting_technique: Literal["fixed", "sliding"] | None = "fixed"
    authentication: bool = False
    log_management: Annotated[int, Field(ge=10_000, le=10_000_000)] | None = None
    log_management_strategy: Literal["STOP_INSERTING", "DELETE_OLDEST"] | None = None
    log_classification: bool = False
    logpush: bool = False
    logpush_public_key: Annotated[str, Field(min_length=16, max_length=1024)] | None = None
    retry_max_attempts: Annotated[int, Field(ge=1, le=5)] | None = None
    retry_delay: Annotated[int, Field(ge=0, le=60_000)] | None = None
    retry_backoff: RetryBackoff | None = None
    byok_only: bool = False
    workers_ai_billing_mode: Literal["postpaid", "unified"] = "postpaid"
    zdr: bool = False
    store_id: str | None = None
    dlp: dict[str, Any] | None = None
    guardrails: dict[str, Any] | None = None
    otel: list[Any] | None = None
    spend_limits: SpendLimits | None = None
    stripe: dict[str, Any] | None = None

    def stored(self) -> str:
        """Return the settings as stored JSON: a cache TTL of null is 0."""
        return self.model_copy(update={"cache_ttl": self.cache_ttl or 0}).model_dump_json(exclude={"id"})


class NewGateway(GatewaySettings):
    """The body of POST …/gateways. The API documents an id's length; its characters are those that fit in a path."""

    id: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    authentication: Literal[True] = True  # pyright: ignore[reportIncompatibleVariableOverride] (it can't be false)
    """Required since 2026-11-03: developers.cloudflare.com/changelog, "required authentication"."""


DEFAULT = GatewaySettings(
    cache_invalidate_on_update=False,
    cache_ttl=0,
    collect_logs=True,
    rate_limiting_interval=0,
    rate_limiting_limit=0,
)
"""The gateway `default`. Unlike Cloudflare's, it requires no authentication."""
