"""Access control: this machine's own programs may call the gateway, web pages may not."""

import re
import secrets

import anyio
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cf_aig_gateway.local.envelopes import Refused, front_door

_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://{_HOST.pattern}", re.IGNORECASE)
_JSON = re.compile(r"application/([\w.+-]+\+)?json\s*(;.*)?", re.IGNORECASE)
_FORM = re.compile(r"(text/.*|application/x-www-form-urlencoded)\s*(;.*)?", re.IGNORECASE)
"""Media types that a web page's form or simple request has, and that no provider expects."""

_NATIVE = re.compile(r"/v1/[^/]+/[^/]+/(?!compat/)[^/]+/.+")
"""Paths of providers' own APIs, some of which take bodies other than JSON."""

_ELSEWHERE = {"cross-site", "same-site"}
_WRITING = {"POST", "PUT", "PATCH", "DELETE"}
_API = "/client/v4/"

BODY_S = 30.0
"""How long a request's body may take to arrive."""

MAX_BODY = 25 * 1024 * 1024
"""Maximum bytes of a body for the management API. The data plane has its own limit."""


class Door:
    """Refuses what a web page could send: a foreign host name or origin, or a form's body.

    A browser sends the page's origin with every request that has a body; that is how pages are kept out. Providers' own
    paths also take bodies other than JSON (audio, files). All other paths take only JSON, for which a browser would ask
    permission first (CORS preflight). The management API also requires credentials: any at all, or the configured
    token.
    """

    def __init__(self, app: ASGIApp, *, token: str | None = None, body_s: float = BODY_S) -> None:
        self._app = app
        self._body_s = body_s
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif refusal := self._refusal(scope):
            await refusal(scope, receive, send)
        else:
            bounded = _Body(receive, self._body_s, MAX_BODY if scope["path"].startswith(_API) else None)
            await self._app(scope, bounded, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not _HOST.fullmatch(host):
            return front_door(403, (10000, f"This gateway is reachable on loopback only, not as {host[:80]!r}."))
        if origin is not None and not _ORIGIN.fullmatch(origin):
            return front_door(403, (10000, f"Web pages of {origin[:80]!r} may not use this gateway."))
        if headers.get("sec-fetch-site", "") in _ELSEWHERE:
            return front_door(403, (10000, "Web pages of other sites may not use this gateway."))
        if scope["method"] in _WRITING and _has_body(headers) and not _takes(scope["path"], headers):
            return front_door(415, (7001, "Send the body as JSON, with content-type: application/json."))
        if (encoding := headers.get("content-encoding", "identity")) != "identity":
            return front_door(415, (7001, f"Send the body as it is, without content-encoding {encoding[:80]!r}."))
        if scope["path"].startswith(_API) and not self._knows(headers):
            return front_door(401, (10000, "Authentication error"))
        return None

    def _knows(self, headers: Headers) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip(" ") if scheme.lower() == "bearer" else headers.get("x-auth-key", "")
        if self._token is None:
            return given != ""
        return secrets.compare_digest(given.encode(), self._token.encode())


class _Body:
    """Receives a request's body within limits of time and size, and then later messages."""

    def __init__(self, receive: Receive, body_s: float, most: int | None) -> None:
        self._receive = receive
        self._until = anyio.current_time() + body_s
        self._most = most
        self._size = 0
        self._is_whole = False

    async def __call__(self) -> Message:
        """Return the next message.

        Raises:
            Refused: 408, the body takes too long; 413, it is too large.

        """
        if self._is_whole:
            return await self._receive()
        with anyio.move_on_at(self._until):
            message = await self._receive()
            self._size += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
            if self._most is not None and self._size > self._most:
                raise Refused(413, {"code": 7001, "message": f"A request has at most {self._most} bytes."})
            return message
        raise Refused(408, {"code": 7001, "message": "The body of the request took too long."})


def _takes(path: str, headers: Headers) -> bool:
    """Whether a path accepts a body of that media type."""
    kind = headers.get("content-type", "")
    return _FORM.fullmatch(kind) is None if _NATIVE.fullmatch(path) else _JSON.fullmatch(kind) is not None


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
