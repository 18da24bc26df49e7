"""Providers over HTTP: those given a URL and, in live mode, the real ones. The others stay simulated."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from itertools import cycle
from types import TracebackType
from typing import Self
from urllib.parse import quote

import anyio
import httpx2

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.faults import invalid_provider, no_answer
from cf_aig_gateway.local.providers import simulated
from cf_aig_gateway.local.providers.answers import Answer, BrokenOff
from cf_aig_gateway.local.providers.directory import NATIVE, OPENAI_COMPATIBLE, WORKERS_AI

CLOUDFLARE = "https://api.cloudflare.com/client/v4/accounts/{account}/ai"
EXTENSIONS = {"timeout": httpx2.Timeout(600.0, connect=10.0).as_dict()}
"""Seconds without a byte; a request's own timeout is mostly shorter."""

POOLS = 16
"""A pool looks at each of its idle connections for every call, so there are several."""

CONNECTIONS = httpx2.Limits(max_connections=None, max_keepalive_connections=64)


class Live(AbstractAsyncContextManager["Live"]):
    """An upstream that forwards calls, with the caller's key and no other, to `urls` by provider.

    With `everything`, providers without a URL of their own are the real ones. Redirects are not followed: the key
    would go along.
    """

    def __init__(self, urls: Mapping[str, str], *, everything: bool = False) -> None:
        self._urls = urls
        self._everything = everything

    async def __aenter__(self) -> Self:
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # one caller's are not another's
        trusted = httpx2.create_ssl_context()
        self._clients = [
            httpx2.AsyncClient(verify=trusted, limits=CONNECTIONS, cookies=no_cookies) for _ in range(POOLS)
        ]
        self._next = cycle(self._clients)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            await client.aclose()

    async def __call__(self, call: Call) -> Answer:
        """Forward a call and return its answer once the head is in."""
        url = self.url(call)
        if url is None:
            return await simulated.answer(call)
        headers = {**call.headers, "accept-encoding": "identity"}
        request = httpx2.Request(call.method, _parsed(url), headers=headers, content=call.body, extensions=EXTENSIONS)
        try:
            response = await next(self._next).send(request, stream=True)
        except httpx2.TransportError as error:
            raise no_answer(type(error).__name__) from error
        return await _checked(response)

    def url(self, call: Call) -> str | None:
        """Return where a call goes; None when it is to be simulated.

        Raises:
            Fault: there is no such provider.

        """
        base = self._urls.get(call.provider) or (_real(call) if self._everything else None)
        return None if base is None else url_of(base, call)


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx2.URL:
    return httpx2.URL(url)


def url_of(base: str, call: Call) -> str:
    """Append a call's path to a provider's base URL, without doubling a `v1`."""
    base = base.rstrip("/")
    endpoint = call.path if base.endswith("/v1") else call.endpoint
    if call.provider == WORKERS_AI and endpoint.startswith("@"):
        endpoint = f"run/{endpoint}"
    return f"{base}/{quote(endpoint, safe='/@:')}" + (f"?{call.query}" if call.query else "")


def _real(call: Call) -> str:
    if call.provider == WORKERS_AI:
        return CLOUDFLARE.format(account=quote(call.account, safe=""))
    base = (OPENAI_COMPATIBLE if call.compatible else NATIVE).get(call.provider)
    if base is None:
        raise invalid_provider()
    return base


async def _checked(response: httpx2.Response) -> Answer:
    """Turn down what is no provider's answer: a redirect, or a page."""
    answer = Answer(response.status_code, _chunks(response), dict(response.headers))
    why = ""
    if response.is_redirect:
        why = "it redirected"
    elif answer.success and answer.content_type == "text/html":
        why = "it answered with HTML"
    if why:
        await response.aclose()
        raise no_answer(why)
    return answer


async def _chunks(response: httpx2.Response) -> AsyncGenerator[bytes]:
    try:
        async for chunk in response.aiter_bytes():
            yield chunk
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise BrokenOff(type(error).__name__) from error
    finally:
        with anyio.CancelScope(shield=True):
            await response.aclose()
