"""An ASGI application on a port, ended by a signal."""

import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import anyio
import uvicorn
from starlette.types import ASGIApp

from cf_aig_server.transports.signals import on_signal

DRAIN_S = 5
"""How long calls in flight may go on after a signal."""


class _Server(uvicorn.Server):
    """uvicorn, without its own signal handling: it would die of the signal after a clean end."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True


async def serve_app(app: ASGIApp, host: str, port: int, listening: Callable[[int], None] | None = None) -> None:
    """Serve an application until a signal, then let calls in flight end. `listening` is told the port.

    Raises:
        OSError: the port cannot be used.

    """
    serving = _Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=DRAIN_S))
    with _listener(host, port) as listener:
        if listening:
            listening(listener.getsockname()[1])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(on_signal, serving.stop)
            await serving.serve([listener])
            tasks.cancel_scope.cancel()


def _listener(host: str, port: int) -> socket.socket:
    """Return a listening socket that says it is TCP: asyncio then sends small writes at once, else after 40 ms."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(f"port {port} cannot be used ({why}): choose another with --port") from error
    return listener
