"""MCP over HTTP: Streamable HTTP at /mcp, or the older SSE at /sse."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

import anyio
import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from cf_aig_gateway.errors import GatewayError
from cf_aig_server.settings import Settings, is_loopback
from cf_aig_server.transports.door import Door
from cf_aig_server.transports.signals import on_signal
from cf_aig_tools.desk import Desk

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

DRAIN_S = 5
"""How long calls in flight may go on after a signal."""


class _Server(uvicorn.Server):
    """uvicorn, without its own signal handling: it would die of the signal after a clean end."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True


async def serve_http(
    server: MCPServer[Desk], settings: Settings, kind: Literal["http", "sse"], host: str, port: int
) -> None:
    """Serve MCP until a signal.

    Raises:
        GatewayError: the host is not this machine, and nothing controls who may call.
        OSError: the port cannot be used.

    """
    await serve_app(http_app(server, settings, kind, host), host, port)


def http_app(server: MCPServer[Desk], settings: Settings, kind: Literal["http", "sse"], host: str) -> ASGIApp:
    """Return the server as an ASGI application behind its door.

    Raises:
        GatewayError: the host is not this machine, and nothing controls who may call.

    """
    token = settings.http_access()
    if not is_loopback(host) and not (token and settings.http_hosts):
        raise GatewayError(
            f"--host {host} is not this machine: that needs AI_GATEWAY_HTTP_TOKEN (what callers must send) and "
            "AI_GATEWAY_HTTP_HOSTS (the names they call it by)."
        )
    security = _security(settings.http_hosts)
    if kind == "sse":
        app = server.sse_app(transport_security=security)
    else:
        app = server.streamable_http_app(stateless_http=True, transport_security=security)
    return Door(app, token=token, unready=settings.missing)


def _security(names: list[str]) -> TransportSecuritySettings:
    """Return the Host names and Origins to take: those of this machine, and those named."""
    hosts = [*LOOPBACK_NAMES, *names]
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[form for host in hosts for form in (host, f"{host}:*")],
        allowed_origins=[form for origin in origins for form in (origin, f"{origin}:*")],
    )


async def serve_app(app: ASGIApp, host: str, port: int) -> None:
    """Serve an application until a signal, then let calls in flight end.

    Raises:
        OSError: the port cannot be used.

    """
    serving = _Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=DRAIN_S))
    with _listening(host, port) as listener:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(on_signal, serving.stop)
            await serving.serve([listener])
            tasks.cancel_scope.cancel()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(f"port {port} cannot be used ({why}): choose another with --port") from error
