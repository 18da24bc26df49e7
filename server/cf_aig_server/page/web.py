"""The page in a browser: its two files, and their MCP server at /mcp."""

from collections.abc import Callable

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cf_aig_server.page import files
from cf_aig_server.transports.door import Door

FILES = {"/": files.host, "/page.html": files.page}
"""These files contain no user data. A browser sends no token when it opens a page, so they need none."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


class _Browsable:
    """Serves the files, and passes on POSTs to /mcp. It offers no streams that stay open as long as the client."""

    def __init__(self, mcp: ASGIApp) -> None:
        self._mcp = mcp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        answer = _answer(scope["path"], scope["method"]) if scope["type"] == "http" else None
        await (answer or self._mcp)(scope, receive, send)


def _answer(path: str, method: str) -> Response | None:
    file = FILES.get(path)
    if file is None:
        return PlainTextResponse("Only POST is answered here.\n", 405, {"allow": "POST"}) if method == "GET" else None
    if method not in ("GET", "HEAD"):
        return PlainTextResponse("Only GET is answered here.\n", 405, {"allow": "GET, HEAD"})
    built = file()
    return HTMLResponse(built.text, headers={**HEADERS, "content-security-policy": built.policy})


def behind_door(mcp: ASGIApp, token: str, unready: Callable[[], str]) -> ASGIApp:
    """Return the page and its server as one application. With a `token`, MCP accepts no other."""
    wanted = (lambda: token) if token else None
    return Door(_Browsable(mcp), token=wanted, unready=unready, tokenless=FILES.keys())
