"""The server card: what a client may know of this server before it connects.

SEP-2127 (final), schema v1 of github.com/modelcontextprotocol/experimental-ext-server-card, read 2026-11-29.
"""

import re

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cf_aig_server.transports.door import LOOPBACK_NAMES
from cf_aig_server.wire import VERSION

MIME = "application/mcp-server-card+json"

WELL_KNOWN = "/.well-known/mcp/server-card.json"

ABOUT = {
    "$schema": "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json",
    "name": "io.github.cloudflare-ai-gateway-mcp/cloudflare-ai-gateway-mcp",
    "title": "Cloudflare AI Gateway",
    "description": "Debug LLM calls through the logs of a Cloudflare AI Gateway",
    "version": VERSION,
}
"""As in server.json."""

HEADERS = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}


class Card:
    """Serves the card of the endpoint at `path`, and passes on all other requests.

    It holds nothing of anyone's, so it needs no token. It is read through the door, which knows the Host: other pages'
    origins are refused here too, though the proposal would let any page read it.
    """

    def __init__(self, app: ASGIApp, path: str, *, needs_token: bool) -> None:
        self._app = app
        self._path = path
        self._needs_token = needs_token
        self.paths = frozenset({WELL_KNOWN, f"{path}/server-card"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        is_card = scope["type"] == "http" and scope["path"] in self.paths
        await (self._answer(scope) if is_card else self._app)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Only GET is answered here.\n", 405, {"allow": "GET, HEAD"})
        content = ABOUT | {"remotes": [self._remote(Headers(scope=scope).get("host", ""))]}
        return JSONResponse(content, headers=HEADERS, media_type=MIME)

    def _remote(self, host: str) -> dict[str, object]:
        """Return how to connect; other machines reach this server through what adds TLS."""
        is_here = any(re.fullmatch(rf"{re.escape(name)}(:\d+)?", host, re.IGNORECASE) for name in LOOPBACK_NAMES)
        token = {"name": "Authorization", "value": "Bearer {token}", "isRequired": True, "isSecret": True}
        token |= {"variables": {"token": {"description": "The token that callers must send", "isSecret": True}}}
        return {
            "type": "sse" if self._path == "/sse" else "streamable-http",
            "url": f"{'http' if is_here else 'https'}://{host}{self._path}",
            "supportedProtocolVersions": [*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS],
            **({"headers": [token]} if self._needs_token else {}),
        }
