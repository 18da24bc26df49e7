"""A connection that speaks HTTP, and does not wait for ever to be spoken to."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """uvicorn's, closed when the head of a request has not arrived within `head_s` seconds."""

    head_s = 10.0
    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        answering = self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]
        if answering:
            self._stop_awaiting()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_awaiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        """Begin to wait; what arrives in pieces gains no time."""
        if self._overdue is None:
            self._overdue = self.loop.call_later(self.head_s, self.timeout_keep_alive_handler)

    def _stop_awaiting(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None
