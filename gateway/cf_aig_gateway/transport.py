"""An httpx2 transport on aiohttp: it takes a third of the time of httpx2's own transport per call.

httpx2 still does requests, answers, decompression and errors. `make bench` prints the figures.
"""

from collections.abc import AsyncIterator
from ssl import SSLContext
from typing import Any

import httpx2

from cf_aig_gateway.light_aiohttp import MAX_FIELD, aiohttp
from cf_aig_gateway.proxies import route

NO_DEFAULTS = ("accept", "accept-encoding", "content-type", "user-agent")
"""Headers that aiohttp would add."""

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
"""aiohttp's exceptions, and httpx2's for each. The first match counts. ValueError: a header that can't be sent."""

FAILURES: tuple[type[Exception], ...] = tuple(kind for kind, _ in ERRORS)


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests over pooled connections, through the environment's proxy."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._trusted: SSLContext | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and return its answer once the headers have arrived.

        Raises:
            httpx2.TransportError: there was no answer.

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
                ssl=self._context() if where.scheme == "https" or proxy else True,
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
        self._trusted = self._trusted or httpx2.create_ssl_context()  # loaded when needed: it takes 25 ms
        return self._trusted


class Direct(httpx2.AsyncClient):
    """A client whose requests go straight to its transport: no redirects, cookies, authentication, hooks or logging.

    A gateway needs none of them, and going through them takes 3 % of a call.
    """

    def __init__(self, transport: httpx2.AsyncBaseTransport, **options: Any) -> None:
        super().__init__(transport=transport, **options)
        self._way = transport

    async def send(self, request: httpx2.Request, *, stream: bool = False, **_: Any) -> httpx2.Response:
        """Send a request as it is."""
        response = await self._way.handle_async_request(request)
        response.request = request
        if not stream:
            await response.aread()
        return response


class _Stream(httpx2.AsyncByteStream):
    """The body of an answer, as it arrives."""

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
        """Return the connection to the pool, or close it if its answer hasn't ended."""
        self._answer.close()


def _meant(error: Exception, request: httpx2.Request) -> httpx2.TransportError:
    kind = next(meant for held, meant in ERRORS if isinstance(error, held))
    return kind(str(error), request=request)
