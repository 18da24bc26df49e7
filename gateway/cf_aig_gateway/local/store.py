"""What the local gateway remembers: one SQLite file in WAL mode, which several processes may share."""

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.local import store_logs
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store_schema import connect, create
from cf_aig_gateway.local.store_writer import Writer

T = TypeVar("T")

READERS = 4
"""Connections that read at the same time."""


class Store(AbstractAsyncContextManager["Store"]):
    """The SQLite file at `path`, open while the context lasts; made when it is missing.

    Entering raises `OSError` or `GatewayError` when the file cannot be made or used. A commit survives the death of
    this process; that of the machine may take the newest commits along, never the file (synchronous=NORMAL).
    """

    def __init__(self, path: Path | str, *, log_lag_s: float = 0.0) -> None:
        self._path = Path(path)
        self.log_lag_ms = round(log_lag_s * 1000)
        self._turns = anyio.CapacityLimiter(READERS)

    async def __aenter__(self) -> Self:
        await anyio.to_thread.run_sync(create, self._path)
        self._readers = [self._reader() for _ in range(READERS)]
        self._settings = self._reader()
        writing = connect(self._path)
        writing.execute("PRAGMA synchronous = NORMAL")
        self._writer = Writer(writing)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._writer.close()
        for reader in (*self._readers, self._settings):
            reader.close()

    async def write(self, work: Callable[[sqlite3.Connection], T], size: int = 0) -> T:
        """Return what `work` returns once it is committed: all of it or, when it raises, nothing.

        `work` runs in a thread, in one transaction with what else waits; `size` is the bytes it holds meanwhile.
        """
        try:
            return await self._writer.run(work, size)
        except sqlite3.Error as error:
            raise GatewayError(f"{self._path} could not be written: {error}.") from error

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns, run in a thread on a connection that cannot write."""
        async with self._turns:
            reader = self._readers.pop()
            try:
                return await anyio.to_thread.run_sync(work, reader)
            finally:
                self._readers.append(reader)

    async def add(self, record: Record) -> None:
        """Store one log; it is committed when this returns."""
        await self.write(lambda db: store_logs.insert(db, record), record.size())

    async def gateway(self, gateway_id: str) -> dict[str, Any] | None:
        """Return a gateway's settings by the API's names, or None when there is no such gateway.

        Read on the event loop: one row by its key takes microseconds, a thread takes ten times as long.
        """
        row = self._settings.execute("SELECT settings FROM gateways WHERE id = ?", (gateway_id,)).fetchone()
        return None if row is None else json.loads(row["settings"])

    async def cached(self, key: str) -> bytes | None:
        """Return the reply kept under a key that has not expired."""
        sql, now = "SELECT reply FROM cache WHERE key = ? AND expires_at > ?", _now()
        row = await self.read(lambda db: db.execute(sql, (key, now)).fetchone())
        return None if row is None else row["reply"]

    async def keep(self, key: str, reply: bytes, ttl_s: float) -> None:
        """Keep a reply under a key for `ttl_s` seconds; what has expired goes."""
        now = _now()

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM cache WHERE expires_at <= ?", (now,))
            db.execute("INSERT OR REPLACE INTO cache VALUES (?, ?, ?)", (key, now + round(ttl_s * 1000), reply))

        await self.write(work, len(reply))

    async def logs(
        self, gateway: str, filters: Sequence[Filter], *, page: int, per_page: int, order: str
    ) -> tuple[list[dict[str, Any]], int]:
        """Return one page of logs and the number of all that match. `order` is a trusted ORDER BY term."""
        return await self.read(
            lambda db: store_logs.page(db, gateway, filters, limit=per_page, offset=(page - 1) * per_page, order=order)
        )

    def _reader(self) -> sqlite3.Connection:
        db = connect(self._path)
        db.execute("PRAGMA query_only = ON")
        return db


def _now() -> int:
    """Return UTC milliseconds."""
    return time.time_ns() // 1_000_000
