"""Providers over HTTP: those with a configured URL and, in live mode, the real ones. The others stay simulated."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from anyio import to_thread

from cf_aig_gateway.local.calls import VERSION, Call
from cf_aig_gateway.local.faults import invalid_provider
from cf_aig_gateway.local.providers.answers import Answer
from cf_aig_gateway.providers import WORKERS_AI, provider_of

if TYPE_CHECKING:
    from cf_aig_gateway.local.providers.forward import Forward
    from cf_aig_gateway.local.providers.simulated import Simulated

CLOUDFLARE = "https://api.cloudflare.com/client/v4/accounts/{account}/ai"


class Live(AbstractAsyncContextManager["Live"]):
    """An upstream that forwards calls, with the caller's key and no other, to `urls` by provider.

    With `everything`, providers without a configured URL are the real ones.
    """

    def __init__(self, urls: Mapping[str, str], *, everything: bool = False) -> None:
        self._urls = urls
        self._everything = everything
        self._simulated: Simulated | None = None
        self._forward: Forward | None = None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._forward:
            await self._forward.aclose()

    async def __call__(self, call: Call) -> Answer:
        """Forward or simulate a call, and return its answer once the headers have arrived."""
        url = self.url(call)
        if url is None:
            if self._simulated is None:
                make = await to_thread.run_sync(_simulated)
                self._simulated = self._simulated or make()
            return await self._simulated(call)
        if self._forward is None:
            make = await to_thread.run_sync(_forward)
            self._forward = self._forward or make()
        return await self._forward(call, url)

    def load(self) -> None:
        """Load what the first call most likely needs."""
        if self._urls or self._everything:
            _forward()
        else:
            _simulated()

    def url(self, call: Call) -> str | None:
        """Return the URL of a call; None if it is simulated.

        Raises:
            Fault: there is no such provider.

        """
        if base := self._urls.get(call.provider):
            return url_of(base, call)
        return _real(call) if self._everything else None


def _forward() -> "type[Forward]":
    from cf_aig_gateway.local.providers.forward import Forward  # noqa: PLC0415 (after the start)

    return Forward


def _simulated() -> "type[Simulated]":
    from cf_aig_gateway.local.providers.simulated import Simulated  # noqa: PLC0415 (after the start)

    return Simulated


def url_of(base: str, call: Call) -> str:
    """Append a call's path to a provider's base URL, without doubling a version that both have."""
    base = base.rstrip("/")
    endpoint = call.sent or quote(call.endpoint, safe="/@:")
    if routed := _routed(call.provider, endpoint):
        endpoint = urlsplit(routed).path.removeprefix("/")
    if version := VERSION.match(endpoint):
        endpoint = endpoint[version.end() * base.endswith(f"/{version[0][:-1]}") :]
    if call.provider == WORKERS_AI and call.endpoint.startswith("@"):
        endpoint = f"run/{endpoint}"
    return _with_query(f"{base}/{endpoint}", call)


def _routed(provider: str, endpoint: str) -> str:
    """Return the URL of a path whose beginning selects the host; empty for others."""
    row = provider_of(provider)
    return row.url_of(endpoint) if row.route else ""


def _with_query(url: str, call: Call) -> str:
    return f"{url}?{call.query}" if call.query else url


def _real(call: Call) -> str:
    """Return the real provider's URL for a call.

    Raises:
        Fault: there is no such provider, or it has no such path.

    """
    if call.provider == WORKERS_AI:
        return url_of(CLOUDFLARE.format(account=quote(call.account, safe="")), call)
    provider = provider_of(call.provider)
    if url := _routed(call.provider, call.sent or quote(call.endpoint, safe="/@:")):
        return _with_query(url, call)
    base = provider.chat_url if call.compatible else provider.url
    if not base:
        raise invalid_provider()
    return url_of(base, call)
