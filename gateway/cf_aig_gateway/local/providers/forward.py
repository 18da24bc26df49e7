"""Requests to providers over HTTP. This loads once the gateway listens: aiohttp would be a sixth of its start."""

from collections.abc import AsyncGenerator
from functools import cached_property
from io import BytesIO
from ssl import SSLContext

from cf_aig_gateway.light_aiohttp import MAX_FIELD, aiohttp
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.faults import no_answer
from cf_aig_gateway.local.providers.answers import Answer, BrokenOff
from cf_aig_gateway.proxies import route

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=600)
"""Seconds allowed to connect, and without a byte. A request's own timeout is usually shorter."""

LARGE = 1 << 20
"""Bytes from which a body is sent in pieces: in one piece, it would block the event loop."""

NO_DEFAULTS = ("accept", "content-type", "user-agent")
"""Headers that aiohttp would add."""

FAILURES = (aiohttp.ClientError, OSError, ValueError)
"""What aiohttp raises. ValueError: a header or a URL that can't be sent."""


class Forward:
    """Sends calls over pooled connections. Redirects aren't followed, as they would carry the caller's key along."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),  # callers don't share cookies
            timeout=TIMEOUT,
            skip_auto_headers=NO_DEFAULTS,
            max_line_size=MAX_FIELD,
            max_field_size=MAX_FIELD,
        )

    async def __call__(self, call: Call, url: str) -> Answer:
        """Send a call to a URL, and return its answer once the headers have arrived.

        Raises:
            Fault: there was no answer, or it can't be a provider's.

        """
        try:
            where, proxy = route(url)
            response = await self._session.request(
                call.method,
                where,
                headers={**call.headers, "accept-encoding": "identity"},
                data=BytesIO(call.body) if len(call.body) > LARGE else call.body or None,
                proxy=proxy,
                ssl=self._trusted if where.scheme == "https" or proxy else True,
                allow_redirects=False,
            )
        except FAILURES as error:
            raise no_answer(type(error).__name__) from error
        return _checked(response)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    @cached_property
    def _trusted(self) -> SSLContext:
        """The certificate authorities that this system trusts. Loaded when first needed: 25 ms, and 30 for httpx2."""
        import httpx2  # noqa: PLC0415 (for https only)

        return httpx2.create_ssl_context()


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
