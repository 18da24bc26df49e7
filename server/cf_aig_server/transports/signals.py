"""What ends a server from outside."""

import signal
from collections.abc import Callable

import anyio


async def on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGINT and at SIGTERM, for as long as this runs."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            stop()
