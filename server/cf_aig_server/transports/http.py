"""MCP over HTTP: Streamable HTTP at /mcp, or the older SSE at /sse."""

from typing import Any, Literal

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from cf_aig_gateway.errors import GatewayError
from cf_aig_server.settings import Settings, is_loopback
from cf_aig_server.transports.calls import Calls
from cf_aig_server.transports.card import Card
from cf_aig_server.transports.door import Door
from cf_aig_server.transports.sessions import Sessions
from cf_aig_server.transports.web import serve_app

UNGUARDED = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""The door is narrower."""


async def serve_http(
    server: MCPServer[Any], settings: Settings, kind: Literal["http", "sse"], host: str, port: int
) -> None:
    """Serve MCP until a signal.

    Raises:
        GatewayError: the host is not this machine, and no access control is configured.
        OSError: the port cannot be used.

    """
    calls = Calls()
    server.middleware.append(calls)
    await serve_app(http_app(server, settings, kind, host), host, port, busy=calls.under_way)


def http_app(server: MCPServer[Any], settings: Settings, kind: Literal["http", "sse"], host: str) -> ASGIApp:
    """Return the server as an ASGI application with access checks.

    Raises:
        GatewayError: the host is not this machine, and no access control is configured.

    """
    token = settings.http_access()
    if not is_loopback(host) and not (token and settings.http_hosts):
        raise GatewayError(
            f"--host {host} is not this machine, so it needs AI_GATEWAY_HTTP_TOKEN (the token callers must send) "
            "and AI_GATEWAY_HTTP_HOSTS (the host names they may use)."
        )
    app = server.sse_app(transport_security=UNGUARDED) if kind == "sse" else streamable(server)
    card = Card(app, "/sse" if kind == "sse" else "/mcp", needs_token=bool(token))
    return Door(card, token=token, unready=settings.missing, names=settings.http_hosts, tokenless=card.paths)


def streamable(server: MCPServer[Any]) -> ASGIApp:
    """Return the server as an ASGI application that speaks Streamable HTTP at /mcp, without a door."""
    server._lowlevel_server.get_tool_input_schema = _without_headers  # pyright: ignore[reportPrivateUsage]
    return Sessions(server.streamable_http_app(stateless_http=True, transport_security=UNGUARDED))


def _without_headers(_: str) -> None:
    """Say that no argument of a tool is also sent as a header. The SDK would look for them in 2 % of a call's time."""
