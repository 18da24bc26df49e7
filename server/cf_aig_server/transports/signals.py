"""Signals that stop a server."""

import signal
from collections.abc import Callable

import anyio


async def on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGINT and SIGTERM while this runs."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            stop()
