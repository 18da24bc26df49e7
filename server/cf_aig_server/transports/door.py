"""Checks HTTP requests before MCP sees them: health, host names, bearer token, and limits on what requests may send."""

import asyncio
import hmac
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_S = 10.0
"""How long a request body may take to arrive, in seconds."""

MAX_BODY = 4 * 1024 * 1024
"""Maximum bytes of a request body."""

MAX_CALLS = 512
"""Maximum concurrent calls; further ones are told to retry later."""

MAX_HELD = 64 * 1024 * 1024
"""Maximum bytes of all request bodies in progress."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

CHALLENGE = 'Bearer realm="cloudflare-ai-gateway"'


class Door:
    """Lets requests through to MCP. `token` None: to all; it is asked each time, so that it can be rotated.

    `names` are the hosts that it is called by, beside this machine's own; other pages' origins are refused by them.
    `tokenless` are paths that need none. `unready` says why the server cannot serve yet; empty when it can.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: Callable[[], str] | None,
        unready: Callable[[], str],
        names: Sequence[str] = (),
        tokenless: Collection[str] = (),
        body_s: float = BODY_S,
        max_calls: int = MAX_CALLS,
    ) -> None:
        self._app = app
        self._body_s = body_s
        self._host = _host_of([*LOOPBACK_NAMES, *names])
        self._max_calls = max_calls
        self._token = token
        self._tokenless = tokenless
        self._unready = unready
        self._calls = 0
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if answer := self._answer(scope):
            await answer(scope, receive, send)
            return
        calls = scope["method"] == "POST"  # a GET is a stream, which stays open as long as its client
        body = bytearray()
        self._calls += calls
        try:
            await self._admit(body, scope, receive, send)
        finally:
            self._calls -= calls
            self._held -= len(body)

    async def _admit(self, body: bytearray, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a request's body and pass both on, or refuse it."""
        try:
            async with asyncio.timeout(self._body_s):  # half the time of anyio's
                await self._read(receive, body)
        except TimeoutError:
            await PlainTextResponse("The request body took too long to arrive.\n", 408)(scope, receive, send)
        except ClientDisconnect:
            return
        else:
            await self._pass_on(bytes(body), scope, receive, send)

    async def _read(self, receive: Receive, body: bytearray) -> None:
        """Read a request's body, or as much of it as there is room for.

        Raises:
            ClientDisconnect: the client disconnected.

        """
        while len(body) <= MAX_BODY and self._held <= MAX_HELD:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            self._held += len(message.get("body", b""))
            if not message.get("more_body"):
                break

    async def _pass_on(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        if len(body) > MAX_BODY:
            await PlainTextResponse(f"A request has at most {MAX_BODY} bytes.\n", 413)(scope, receive, send)
            return
        if self._held > MAX_HELD:
            await _busy()(scope, receive, send)
            return
        with suppress(
            anyio.ClosedResourceError, anyio.BrokenResourceError
        ):  # SSE: its stream has ended in the meantime
            await self._app(scope, _replay(body, receive), send)

    def _answer(self, scope: Scope) -> Response | None:
        match scope["path"]:
            case "/healthz":
                return PlainTextResponse("ok\n")
            case "/readyz":
                why = self._unready()
                return PlainTextResponse(f"{why or 'ready'}\n", 503 if why else 200)
            case _:
                return self._refusal(Headers(scope=scope), scope["path"]) or self._overload(scope["method"])

    def _refusal(self, headers: Headers, path: str) -> Response | None:
        if not self._host.fullmatch(headers.get("host", "")):
            return PlainTextResponse("This server does not accept that host name.\n", 421)
        if (origin := headers.get("origin")) is not None and not self._is_own(origin):
            return PlainTextResponse("Pages from that origin may not call this server.\n", 403)
        return None if path in self._tokenless else self._challenge(headers.get("authorization", ""))

    def _overload(self, method: str) -> Response | None:
        return _busy() if method == "POST" and self._calls >= self._max_calls else None

    def _is_own(self, origin: str) -> bool:
        scheme, _, host = origin.partition("://")
        return scheme.lower() in ("http", "https") and self._host.fullmatch(host) is not None

    def _challenge(self, authorization: str) -> Response | None:
        if self._token is None:
            return None
        scheme, _, given = authorization.partition(" ")
        wanted = self._token()
        if scheme.lower() == "bearer" and wanted and hmac.compare_digest(given.strip(" ").encode(), wanted.encode()):
            return None
        challenge = f'{CHALLENGE}, error="invalid_token"' if given else CHALLENGE
        return PlainTextResponse("A bearer token is required.\n", 401, {"www-authenticate": challenge})


def _host_of(names: Sequence[str]) -> re.Pattern[str]:
    """Return the pattern of an accepted Host: one of the names, with or without a port."""
    return re.compile(rf"(?:{'|'.join(map(re.escape, names))})(?::[0-9]{{1,5}})?", re.IGNORECASE)


def _busy() -> Response:
    return PlainTextResponse("Too many calls are in progress: try again in a second.\n", 503, {"retry-after": "1"})


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that first gives the body that was read, and then what follows."""
    unread: list[Message] = [{"type": "http.request", "body": body}]

    async def replayed() -> Message:
        return unread.pop() if unread else await receive()

    return replayed
