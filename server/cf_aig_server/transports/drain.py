"""Shuts down HTTP: calls in progress may finish, then endless streams are closed."""

from collections.abc import Callable

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DRAIN_S = 5.0
"""How long calls in progress may continue after a signal, in seconds."""

WRITE_S = 0.1
"""How long writing the last replies may take, in seconds."""


class Draining:
    """Passes requests on, and ends them on request; `busy` says whether one of them is worth waiting for."""

    def __init__(self, app: ASGIApp, busy: Callable[[], bool], drain_s: float = DRAIN_S) -> None:
        self._app = app
        self._busy = busy
        self._drain_s = drain_s
        self._open: set[anyio.CancelScope] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request; if it is cut off, end its reply properly."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def begin(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        with anyio.CancelScope() as cut:
            self._open.add(cut)
            try:
                await self._app(scope, receive, begin)
            finally:
                self._open.discard(cut)
        if cut.cancelled_caught:
            await _end(begun, scope, receive, send)

    async def drain(self) -> None:
        """Wait for what is worth it, within the limit; then cut off the rest."""
        with anyio.move_on_after(self._drain_s):
            while self._open and self._busy():  # noqa: ASYNC110 (uvicorn looks every 0.1 s as well)
                await anyio.sleep(WRITE_S)
            await anyio.sleep(WRITE_S)
        for cut in self._open:
            cut.cancel()


async def _end(begun: bool, scope: Scope, receive: Receive, send: Send) -> None:
    if begun:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    else:
        await PlainTextResponse("The server is shutting down.\n", 503)(scope, receive, send)
