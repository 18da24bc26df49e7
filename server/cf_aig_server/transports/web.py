"""Serves an ASGI application on a port until a signal arrives."""

import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import anyio
import uvicorn
from starlette.types import ASGIApp

from cf_aig_server.transports.connection import Connection
from cf_aig_server.transports.drain import DRAIN_S, Draining
from cf_aig_server.transports.signals import on_signal

IDLE_S = 30
"""How long an idle connection is kept, in seconds: longer than clients keep it, or their next request could be cut off.
"""


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would die of the signal after a clean shutdown."""

    def __init__(self, app: Draining) -> None:
        # If the application does not stop within its limit, uvicorn stops it a second later.
        last_s = round(DRAIN_S) + 1
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="none",
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=last_s,
            )
        )
        self._drain = app.drain

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._drain)
            await super().shutdown(sockets)

    def stop(self) -> None:
        self.should_exit = True


async def serve_app(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    listening: Callable[[int], None] | None = None,
    busy: Callable[[], bool] = lambda: True,
) -> None:
    """Serve an application until a signal, then let calls in progress finish.

    `listening` receives the port. `busy` says whether any request in progress is worth waiting for.

    Raises:
        OSError: the port cannot be used.

    """
    serving = _Server(Draining(app, busy))
    with _listener(host, port) as listener:
        if listening:
            listening(listener.getsockname()[1])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(on_signal, serving.stop)
            await serving.serve([listener])
            tasks.cancel_scope.cancel()


def _listener(host: str, port: int) -> socket.socket:
    """Return a listening socket declared as TCP, so that asyncio sends small writes at once instead of after 40 ms."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise OSError(f"{host} port {port} cannot be used ({error.strerror}): choose another port") from error
    return listener
