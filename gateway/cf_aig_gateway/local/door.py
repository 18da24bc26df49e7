"""Who is let in: this machine's own programs, and no web page."""

import re
import secrets

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cf_aig_gateway.local.envelopes import front_door

_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://{_HOST.pattern}", re.IGNORECASE)
_JSON = re.compile(r"application/([\w.+-]+\+)?json\s*(;.*)?", re.IGNORECASE)
_FORM = re.compile(r"(text/.*|application/x-www-form-urlencoded)\s*(;.*)?", re.IGNORECASE)
"""What a web page's form or simplest request is declared as, and no provider asks for."""

_NATIVE = re.compile(r"/v1/[^/]+/[^/]+/(?!compat/)[^/]+/.+")
"""Paths of providers' own, some of which take other bodies than JSON."""

_ELSEWHERE = {"cross-site", "same-site"}
_WRITING = {"POST", "PUT", "PATCH", "DELETE"}
_API = "/client/v4/"


class Door:
    """Refuses what a web page could send: a foreign host name or origin, a body as forms declare it.

    A browser names the page's origin with every request that has a body, and that is what keeps pages out. Providers'
    own paths take other bodies than JSON (audio, files). All other paths take JSON alone, for which a browser would ask
    leave first. The management API also asks for credentials: any at all, or the one token that was set.
    """

    def __init__(self, app: ASGIApp, *, token: str | None = None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not _HOST.fullmatch(host):
            return front_door(403, (10000, f"This gateway answers on loopback only, not as {host[:80]!r}."))
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
        given = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-auth-key", "")
        if self._token is None:
            return given != ""
        return secrets.compare_digest(given.encode(), self._token.encode())


def _takes(path: str, headers: Headers) -> bool:
    """Whether a path takes a body of that media type."""
    kind = headers.get("content-type", "")
    return _FORM.fullmatch(kind) is None if _NATIVE.fullmatch(path) else _JSON.fullmatch(kind) is not None


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
