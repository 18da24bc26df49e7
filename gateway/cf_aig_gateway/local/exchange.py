"""One call to one provider: its state, and its log."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import anyio

from cf_aig_gateway import pricing
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.local import custom_costs
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.controls import Controls
from cf_aig_gateway.local.providers.answers import Upstream
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store
from cf_aig_gateway.local.usage import NONE
from cf_aig_gateway.providers import CUSTOM

MAX_STORED = 10 * 1024 * 1024
"""Maximum bytes of a log's two bodies. Of a larger log, only the metadata is stored."""

CLIENT_LEFT = 499
"""Status of a call whose caller disconnected before the end. It is nginx's; Cloudflare's is unknown."""


@dataclass(frozen=True)
class Setting:
    """The gateway that a request goes through, and its settings for the request."""

    store: Store
    upstream: Upstream
    gateway: str
    settings: Mapping[str, Any]
    path: str
    user_agent: str
    authenticated: bool = False


@dataclass
class Exchange:
    """A call in progress. Its id is a UUIDv7, as Cloudflare's are since 2026-10-08.

    The steps of one request share `event`, unless the caller gave an id.
    """

    setting: Setting
    call: Call
    controls: Controls
    step: int = 0
    event: str = ""
    started: float = field(default_factory=time.time)
    began: float = field(default_factory=time.monotonic)
    first_byte: float | None = None
    is_logged: bool = False

    def __post_init__(self) -> None:
        self.id = str(_uuid7(self.started))

    def headers(self, cache_status: str = "MISS") -> dict[str, str]:
        """The gateway's own headers of a reply."""
        own = {
            "cf-aig-event-id": self.controls.event_id or self.event or self.id,
            "cf-aig-request-id": self.id,
            "cf-aig-cache-status": cache_status,
            "cf-aig-step": str(self.step),
        }
        if self.call.is_routed:
            own |= {"cf-aig-provider": self.call.provider, "cf-aig-model": self.call.model}
        return {"cf-aig-log-id": self.id, **own} if self.controls.collect_log else own

    async def log(
        self, status: int, response: bytes | None, content_type: str, usage: Usage, *, cached: bool = False
    ) -> None:
        """Store the call, once. Its log is committed when this returns, even if the caller disconnects.

        A response of None means it is too large to be stored.
        """
        if self.is_logged or not self.controls.collect_log:
            return
        self.is_logged = True
        record = self._record(status, response, content_type, usage)
        record.cached = cached
        if record.cost is None and self.call.provider.startswith(CUSTOM):
            rules = await self.setting.store.resources(custom_costs.ALL, "cost")
            record.cost = custom_costs.cost(rules, self.call.provider, self.call.model, usage)
        with anyio.CancelScope(shield=True):
            await self.setting.store.add(record)

    def _record(self, status: int, response: bytes | None, content_type: str, usage: Usage) -> Record:
        call, took_ms = self.call, round((time.monotonic() - self.began) * 1000)
        success = 200 <= status < 300
        fits = response is not None and len(call.logged) + len(response) <= MAX_STORED
        stored = self.controls.collect_payload and fits
        return Record(
            id=self.id,
            gateway=self.setting.gateway,
            created_at=round(self.started * 1000),
            provider=call.provider,
            model=call.logged_model,
            success=success,
            status_code=status,
            duration=took_ms,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            cost=self._cost(usage),
            custom_cost=bool(self.controls.custom_cost),
            path=self.setting.path,
            step=self.step,
            event_id=self.controls.event_id or self.event,
            metadata=self.controls.metadata,
            request_type=call.request_type,
            request_content_type=call.headers.get("content-type", "").partition(";")[0] or None,
            response_content_type=content_type,
            user_agent=self.setting.user_agent,
            session=call.session,
            authentication=self.setting.authenticated,
            compatibility_mode=call.compatible,
            usage_metadata=usage.metadata(),
            timings={"total": took_ms, "latency": self._latency()},
            request=call.logged if stored else None,
            response=response if stored else None,
        )

    def _cost(self, usage: Usage) -> float | None:
        if self.controls.custom_cost and usage != NONE:
            return pricing.custom_cost(self.controls.custom_cost, usage)
        price = pricing.cost(self.call.provider, self.call.model, usage)
        return usage.stated_cost if price is None else price

    def _latency(self) -> int | None:
        """Return milliseconds until the first byte."""
        return None if self.first_byte is None else round((self.first_byte - self.began) * 1000)


def _uuid7(at: float) -> UUID:
    value = (int(at * 1000) << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (7 << 76)
    return UUID(int=(value & ~(0b11 << 62)) | (0b10 << 62))
