"""Indexes bodies in the background, only while no log is being added, so that no call waits for it."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import inf
from typing import Protocol, TypeVar

import anyio

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local import store_index

T = TypeVar("T")

QUIET_S = 0.3
"""Seconds without a new log after which bodies are indexed."""


class File(Protocol):
    """Reads and writes the file; the store implements it."""

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns, run in a thread."""
        ...

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns once it is committed."""
        ...


class Indexer:
    """A task that indexes a file's pending logs until it is closed."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._added = asyncio.Event()
        self._added_at = -inf
        self._scope = anyio.CancelScope()
        self._task = asyncio.create_task(self._run())

    def note_log(self) -> None:
        """Note that a log was added."""
        self._added_at = time.monotonic()
        self._added.set()

    async def indexed(self) -> None:
        """Return once no log is pending, whichever process indexed the last."""
        while await self._file.read(store_index.is_waiting):  # noqa: ASYNC110 (another process sends no signal)
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """End the task. Its current step is completed or rolled back."""
        self._scope.cancel()
        await self._task

    async def _run(self) -> None:
        """Index pending logs, and again whenever a log is added. A failure is retried then, too."""
        with self._scope:
            while True:
                self._added.clear()
                with suppress(GatewayError):
                    while await self._index_some():
                        pass
                await self._added.wait()

    async def _index_some(self) -> bool:
        """Index the oldest pending logs, and return whether there may be more."""
        await self._until_quiet()
        pieces = await self._file.read(store_index.waiting)
        for batch in store_index.batches(pieces):
            await self._until_quiet()
            await self._file.write(partial(store_index.fill, pieces=batch))
        if pieces or not await self._file.read(store_index.is_stale):
            return bool(pieces)
        await self._file.write(store_index.renew)
        return True

    async def _until_quiet(self) -> None:
        while (left := self._added_at + QUIET_S - time.monotonic()) > 0:  # noqa: ASYNC110 (the time moves)
            await asyncio.sleep(left)
