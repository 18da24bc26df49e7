"""What stands before MCP over HTTP: health, the bearer token, and bounds on what a request may send."""

import hmac
from collections.abc import Callable
from contextlib import suppress

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_S = 10.0
"""How long a request body may take to arrive."""

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a request body."""

CHALLENGE = 'Bearer realm="cloudflare-ai-gateway"'


class Door:
    """Lets requests through to MCP. `token` None: to all; it is asked each time, so that it can be rotated.

    `unready` says why the server cannot serve yet; empty when it can.
    """

    def __init__(
        self, app: ASGIApp, *, token: Callable[[], str] | None, unready: Callable[[], str], body_s: float = BODY_S
    ) -> None:
        self._app = app
        self._body_s = body_s
        self._token = token
        self._unready = unready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if answer := self._answer(scope):
            await answer(scope, receive, send)
            return
        try:
            with anyio.fail_after(self._body_s):
                body = await _body(receive)
        except TimeoutError:
            await PlainTextResponse("The request body took too long.\n", 408)(scope, receive, send)
        except ClientDisconnect:
            return
        else:
            await self._pass_on(body, scope, receive, send)

    async def _pass_on(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        if len(body) > MAX_BODY:
            await PlainTextResponse(f"A request has at most {MAX_BODY} bytes.\n", 413)(scope, receive, send)
            return
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # SSE: its stream has ended meanwhile
            await self._app(scope, _replay(body, receive), send)

    def _answer(self, scope: Scope) -> Response | None:
        match scope["path"]:
            case "/healthz":
                return PlainTextResponse("ok\n")
            case "/readyz":
                why = self._unready()
                return PlainTextResponse(f"{why or 'ready'}\n", 503 if why else 200)
            case _:
                return self._refusal(Headers(scope=scope).get("authorization", ""))

    def _refusal(self, authorization: str) -> Response | None:
        if self._token is None:
            return None
        scheme, _, given = authorization.partition(" ")
        wanted = self._token()
        if scheme.lower() == "bearer" and wanted and hmac.compare_digest(given.strip().encode(), wanted.encode()):
            return None
        challenge = f'{CHALLENGE}, error="invalid_token"' if given else CHALLENGE
        return PlainTextResponse("A bearer token is needed.\n", 401, {"www-authenticate": challenge})


async def _body(receive: Receive) -> bytes:
    """Read a request's body, or somewhat more than MAX_BODY of it.

    Raises:
        ClientDisconnect: the client went away.

    """
    body = bytearray()
    while len(body) <= MAX_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body that was read, and then what comes."""
    unread: list[Message] = [{"type": "http.request", "body": body}]

    async def replayed() -> Message:
        return unread.pop() if unread else await receive()

    return replayed
