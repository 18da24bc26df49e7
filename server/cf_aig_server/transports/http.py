"""MCP over HTTP: Streamable HTTP at /mcp, or the older SSE at /sse; on this machine alone."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

import anyio
import uvicorn
from mcp.server import MCPServer
from starlette.types import ASGIApp

from cf_aig_server.transports.signals import on_signal
from cf_aig_tools.desk import Desk

DRAIN_S = 5
"""How long calls in flight may go on after a signal."""


class _Server(uvicorn.Server):
    """uvicorn, without its own signal handling: it would die of the signal after a clean end."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True


async def serve_http(server: MCPServer[Desk], kind: Literal["http", "sse"], host: str, port: int) -> None:
    """Serve MCP until a signal.

    Raises:
        OSError: the port cannot be used.

    """
    app = server.sse_app(host=host) if kind == "sse" else server.streamable_http_app(host=host, stateless_http=True)
    await serve_app(app, host, port)


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
