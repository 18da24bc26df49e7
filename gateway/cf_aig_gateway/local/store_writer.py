"""The only writer of the store. It commits all pending work together, off the event loop."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

import anyio

T = TypeVar("T")

MAX_WAITING = 64 * 1024 * 1024
"""The most bytes that may wait to be written. Beyond that, a writer waits first."""


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    size: int
    done: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def attempt(self, db: sqlite3.Connection) -> None:
        """Do the work, or roll it back alone: the rest of the transaction continues."""
        db.execute("SAVEPOINT job")
        try:
            self.result = self.work(db)
        except Exception as error:
            self.error = error
            if not db.in_transaction and isinstance(error, sqlite3.Error):
                raise  # everything is rolled back, as on a full disk
            db.execute("ROLLBACK TO job")
        db.execute("RELEASE job")

    def settle(self) -> None:
        """Wake whatever awaits the job, unless it was cancelled."""
        if self.done.done():
            return
        if self.error:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.result)


class Writer:
    """A thread that owns the writing connection while the event loop that created it runs."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting = 0
        self._room = anyio.Event()
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T], size: int = 0) -> T:
        """Return what `work` returned, once it is committed. `size` is how many bytes it holds meanwhile.

        A cancelled caller can't know whether its work was done.
        """
        while self._waiting and self._waiting + size > MAX_WAITING:
            await self._room.wait()
        job = _Job(work, size, self._loop.create_future())
        self._waiting += size
        self._queue.put(job)
        return await job.done

    async def close(self) -> None:
        """Write pending work, then close the connection."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._db.close()

    def _serve(self) -> None:
        ends = False
        while not ends:
            taken = [self._queue.get()]
            while not self._queue.empty():
                taken.append(self._queue.get())
            ends = None in taken
            batch = [job for job in taken if job]
            _commit(self._db, batch)
            self._loop.call_soon_threadsafe(self._settle, batch)

    def _settle(self, batch: list[_Job]) -> None:
        self._waiting -= sum(job.size for job in batch)
        self._room.set()
        self._room = anyio.Event()
        for job in batch:
            job.settle()


def _commit(db: sqlite3.Connection, batch: list[_Job]) -> None:
    """Do the jobs in one transaction. If it can't be committed, all have failed."""
    try:
        db.execute("BEGIN IMMEDIATE")
        for job in batch:
            job.attempt(db)
        db.execute("COMMIT")
    except sqlite3.Error as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        for job in batch:
            job.error = error
