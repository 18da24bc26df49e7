"""Providers over HTTP: those with a configured URL and, in live mode, the real ones. The others stay simulated."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from io import BytesIO
from ssl import SSLContext
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

import aiohttp
import httpx2

from cf_aig_gateway.local.calls import VERSION, Call
from cf_aig_gateway.local.faults import invalid_provider, no_answer
from cf_aig_gateway.local.providers.answers import Answer, BrokenOff
from cf_aig_gateway.local.providers.simulated import Simulated
from cf_aig_gateway.providers import WORKERS_AI, provider_of
from cf_aig_gateway.transport import MAX_FIELD, route

CLOUDFLARE = "https://api.cloudflare.com/client/v4/accounts/{account}/ai"
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=600)
"""Seconds allowed to connect, and without a byte. A request's own timeout is usually shorter."""

LARGE = 1 << 20
"""Bytes from which a body is sent in pieces: in one piece, it would block the event loop."""

NO_DEFAULTS = ("accept", "content-type", "user-agent")
"""Headers that aiohttp would add."""

FAILURES = (aiohttp.ClientError, OSError, ValueError)
"""What aiohttp raises. ValueError: a header or a URL that can't be sent."""


class Live(AbstractAsyncContextManager["Live"]):
    """An upstream that forwards calls, with the caller's key and no other, to `urls` by provider.

    With `everything`, providers without a configured URL are the real ones. Redirects aren't followed, as they would
    carry the key along.
    """

    def __init__(self, urls: Mapping[str, str], *, everything: bool = False) -> None:
        self._urls = urls
        self._everything = everything
        self._simulated = Simulated()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),  # callers don't share cookies
            timeout=TIMEOUT,
            skip_auto_headers=NO_DEFAULTS,
            max_line_size=MAX_FIELD,
            max_field_size=MAX_FIELD,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def __call__(self, call: Call) -> Answer:
        """Forward a call, and return its answer once the headers have arrived."""
        url = self.url(call)
        if url is None:
            return await self._simulated(call)
        headers = {**call.headers, "accept-encoding": "identity"}
        try:
            where, proxy = route(url)
            response = await self._session.request(
                call.method,
                where,
                headers=headers,
                data=BytesIO(call.body) if len(call.body) > LARGE else call.body or None,
                proxy=proxy,
                ssl=self._trusted if where.scheme == "https" else True,
                allow_redirects=False,
            )
        except FAILURES as error:
            raise no_answer(type(error).__name__) from error
        return _checked(response)

    @cached_property
    def _trusted(self) -> SSLContext:
        """The certificate authorities that this system trusts. Loaded when first needed, as it takes 25 ms."""
        return httpx2.create_ssl_context()

    def url(self, call: Call) -> str | None:
        """Return the URL of a call; None if it is simulated.

        Raises:
            Fault: there is no such provider.

        """
        if base := self._urls.get(call.provider):
            return url_of(base, call)
        return _real(call) if self._everything else None


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


class _Chunks:
    """The body of a reply, as it arrives."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except FAILURES as error:
            raise BrokenOff(type(error).__name__) from error

    async def aclose(self) -> None:
        """End the call, unless it has already ended."""
        self._response.close()


def _checked(response: aiohttp.ClientResponse) -> Answer:
    """Reject what can't be a provider's answer: a redirect, a web page, or an invalid HTTP status."""
    answer = Answer(response.status, _Chunks(response), _headers(response))
    why = ""
    if 300 <= response.status < 400:
        why = "it redirected"
    elif not 200 <= response.status < 600:
        why = f"its status was {response.status}"
    elif answer.success and answer.content_type == "text/html":
        why = "it answered with HTML"
    if why:
        response.close()
        raise no_answer(why)
    return answer


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the headers by lowercase name, values of the same name joined, in Latin-1, as they will be sent on."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.raw_headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
