"""httpx2's way to the network, by aiohttp: it takes a third of the time of httpx2's own for a call.

httpx2 keeps what it is good for: requests, answers, decompression, errors. `make bench` prints the figures.
"""

from collections.abc import AsyncIterator
from functools import lru_cache
from ssl import SSLContext
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
from yarl import URL

MAX_FIELD = 64 * 1024
"""Bytes of a header that an answer may have."""

NO_DEFAULTS = ("accept", "accept-encoding", "content-type", "user-agent")
"""Headers that aiohttp would add to the request's."""

ERRORS: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx2.ConnectTimeout),
    (TimeoutError, httpx2.ReadTimeout),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),
    (aiohttp.ClientProxyConnectionError, httpx2.ProxyError),
    (aiohttp.InvalidURL, httpx2.UnsupportedProtocol),
    (aiohttp.ClientPayloadError, httpx2.RemoteProtocolError),
    (aiohttp.ServerDisconnectedError, httpx2.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx2.RemoteProtocolError),
    (aiohttp.ClientError, httpx2.ReadError),
    (OSError, httpx2.ReadError),
    (ValueError, httpx2.LocalProtocolError),
)
"""What aiohttp raises, and what httpx2 calls it; the first that fits. ValueError: a header that cannot be sent."""

FAILURES: tuple[type[Exception], ...] = tuple(kind for kind, _ in ERRORS)


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests over connections that are kept, through the proxy that the environment names."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._trusted: SSLContext | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return its answer once the head is in.

        Raises:
            httpx2.TransportError: there was none.

        """
        where, proxy = route(str(request.url))
        limits: dict[str, float | None] = request.extensions.get("timeout", {})
        try:
            answer = await self._opened().request(
                request.method,
                where,
                headers=request.headers.multi_items(),
                data=await request.aread() or None,
                proxy=proxy,
                ssl=self._context() if where.scheme == "https" else True,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(None, None, limits.get("read"), limits.get("connect")),
            )
        except FAILURES as error:
            raise _meant(error, request) from error
        return httpx2.Response(answer.status, headers=answer.raw_headers, stream=_Stream(answer, request))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=NO_DEFAULTS,
                auto_decompress=False,
                max_line_size=MAX_FIELD,
                max_field_size=MAX_FIELD,
            )
        return self._session

    def _context(self) -> SSLContext:
        self._trusted = self._trusted or httpx2.create_ssl_context()  # read when needed: it takes 25 ms
        return self._trusted


class _Stream(httpx2.AsyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx2.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except FAILURES as error:
            raise _meant(error, self._request) from error

    async def aclose(self) -> None:
        """Give the connection back; one whose answer has not ended is closed."""
        self._answer.close()


def _meant(error: Exception, request: httpx2.Request) -> httpx2.TransportError:
    kind = next(meant for held, meant in ERRORS if isinstance(error, held))
    return kind(str(error), request=request)


@lru_cache(maxsize=256)
def route(url: str) -> tuple[URL, str | None]:
    """Return a URL parsed, and the proxy that the environment names for it.

    aiohttp's own `trust_env` reads ~/.netrc for each call, and would send what it finds there.
    """
    parts, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is None or proxy_bypass(parts.netloc):
        return URL(url, encoded=True), None
    return URL(url, encoded=True), proxy if "://" in proxy else f"http://{proxy}"
