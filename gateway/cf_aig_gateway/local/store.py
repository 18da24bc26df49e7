"""The local gateway's store: one SQLite file in WAL mode, which several processes may share."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local import store_gateways, store_groups, store_index, store_logs, store_resources
from cf_aig_gateway.local.indexer import Indexer
from cf_aig_gateway.local.log_query import LogDeletion, LogFingerprints, LogQuery, LogSearch
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store_conditions import Condition, among, ended, joined, matching, one
from cf_aig_gateway.local.store_groups import Grouping
from cf_aig_gateway.local.store_logs import Order
from cf_aig_gateway.local.store_resources import Kind
from cf_aig_gateway.local.store_schema import connect, create, told
from cf_aig_gateway.local.store_writer import Writer

T = TypeVar("T")

READERS = 4
"""The most connections that read at the same time."""

SETTINGS_S = 0.1
"""Seconds for which a gateway's settings are cached."""

MERGED = 1000
"""The last log number on a page for which two halves of the logs are merged."""

DELETED_AT_ONCE = 2000
"""The most logs that one transaction deletes. Other writes go in between."""


class Store(AbstractAsyncContextManager["Store"]):
    """The SQLite file at `path`, open while the context lasts. Created if missing.

    Entering raises `OSError` or `GatewayError` if the file can't be created or used. A commit survives a crash of this
    process. A crash of the machine may lose the newest commits, never the file (synchronous=NORMAL). A log appears
    `log_lag_s` seconds after its call has ended.
    """

    def __init__(self, path: Path | str, *, log_lag_s: float = 0.0) -> None:
        self._path = Path(path)
        self._log_lag_ms = round(log_lag_s * 1000)
        self._turns = anyio.CapacityLimiter(READERS)
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}
        self._policies: dict[str, tuple[float, list[dict[str, Any]]]] = {}

    async def __aenter__(self) -> Self:
        fill = partial(store_gateways.ensure_default, now=_now())
        await anyio.to_thread.run_sync(create, self._path, fill)
        self._readers = [self._reader() for _ in range(READERS)]
        self._index = self._reader()
        writing = connect(self._path)
        writing.execute("PRAGMA synchronous = NORMAL")
        self._writer = Writer(writing)
        self._indexer = Indexer(self) if self._read_here(store_index.is_there) else None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            if self._indexer:
                await self._indexer.close()
            await self._writer.close()
        for reader in (*self._readers, self._index):
            reader.close()

    @property
    def has_index(self) -> bool:
        """Whether logs can be searched for text: not every SQLite has FTS5."""
        return self._indexer is not None

    async def write(self, work: Callable[[sqlite3.Connection], T], size: int = 0) -> T:
        """Return what `work` returns, once it is committed. If it raises, nothing is committed.

        `work` runs in a thread, in one transaction with other pending work. `size` is how many bytes it holds
        meanwhile.
        """
        try:
            return await self._writer.run(work, size)
        except sqlite3.Error as error:
            raise GatewayError(f"{self._path} could not be written: {told(error)}") from error

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a thread on a read-only connection, and return its result."""
        async with self._turns:
            reader = self._readers.pop()
            try:
                return await anyio.to_thread.run_sync(work, reader)
            except sqlite3.Error as error:
                raise self._unreadable(error) from error
            finally:
                self._readers.append(reader)

    async def add(self, record: Record) -> None:
        """Store one log. It is committed when this returns."""
        await self.write(lambda db: store_logs.insert(db, record), record.size())
        if self._indexer:
            self._indexer.note_log()

    async def logs(self, gateway_id: str, query: LogQuery) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return one page of logs, and the totals of all matching logs.

        A page that isn't full already shows the total, so rare matches are searched for once, not twice.
        """
        return await self._page(matching(gateway_id, query, before=self._horizon()), query)

    async def search(self, gateway_id: str, query: LogSearch) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Like `logs`, for logs of the session that may contain the text."""
        where = [matching(gateway_id, query, before=self._horizon())]
        if query.session:
            where.append(Condition("session = ?", (query.session,)))
        if held := store_index.holding(query.text):
            where.append(held)
        return await self._page(joined(" AND ", where), query)

    async def fingerprints(self, gateway_id: str, query: LogFingerprints) -> tuple[list[str], dict[str, Any]]:
        """Return many logs, as JSON, with fingerprints of their requests.

        The first batch comes with the totals of all.
        """
        where = matching(gateway_id, query, before=self._horizon())
        rows = await self.read(lambda db: store_logs.fingerprints(db, where, query.after, query.per_page))
        return rows, {} if query.after else await self.totals(where, query)

    async def _page(self, where: Condition, query: LogQuery) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        before = (query.page - 1) * query.per_page
        rows = await self.find(where, query)
        if len(rows) < query.per_page and (rows or before == 0) and not query.meta_info:
            return rows, {"total_count": before + len(rows)}
        return rows, await self.totals(where, query)

    async def find(self, where: Condition, query: LogQuery) -> list[dict[str, Any]]:
        """Return one page of matching logs."""
        order = Order(query.order_by, query.order_by_direction or query.direction)
        last = query.page * query.per_page
        halves = self._halves(where)
        if len(halves) > 1 and last <= MERGED:
            found = await self._each(halves, lambda db, half: store_logs.first(db, half, order, last))
            where = among(seq for seqs in found for seq in seqs)
        return await self.read(lambda db: store_logs.find(db, where, order, query.per_page, last - query.per_page))

    async def totals(self, where: Condition, query: LogQuery) -> dict[str, Any]:
        """Return how many logs match and, if the query asks, the extremes of their measures."""
        counted = partial(store_logs.totals, measured=query.meta_info)
        return store_logs.added(await self._each(self._halves(where), counted))

    async def log(self, gateway_id: str, log_id: str) -> dict[str, Any] | None:
        """Return one log with the beginnings of its bodies, or None."""
        where = self._one(gateway_id, log_id)
        return await self.read(lambda db: store_logs.details(db, where))

    async def body(self, gateway_id: str, log_id: str, which: str) -> tuple[bytes | None, str | None] | None:
        """Return the stored `request` or `response` (None if it wasn't stored) and its content type."""
        where = self._one(gateway_id, log_id)
        return await self.read(lambda db: store_logs.body(db, where, which))

    async def groups(self, filters: Mapping[str, Any], grouping: Grouping) -> list[dict[str, Any]]:
        """Return groups of the logs that match filters of Cloudflare's analytics."""
        where = store_groups.condition(filters)
        horizon = self._horizon()
        shown = where if horizon is None else joined(" AND ", [where, ended(horizon)])
        return await self.read(lambda db: store_groups.groups(db, shown, grouping))

    async def patch_log(self, gateway_id: str, log_id: str, changes: dict[str, Any]) -> bool:
        """Set feedback, score or metadata, and return whether the log exists."""
        where = self._one(gateway_id, log_id)
        return await self.write(lambda db: store_logs.patch(db, where, changes))

    async def delete_logs(self, gateway_id: str, query: LogDeletion) -> None:
        """Delete the first `limit` matching logs in the requested order."""
        where = matching(gateway_id, query, before=self._horizon())
        await self._delete(where, Order(query.order_by, query.order_by_direction or "asc"), query.limit)

    async def gateway(self, gateway_id: str) -> dict[str, Any] | None:
        """Return a gateway in the API's form, or None."""
        return self._read_here(lambda db: store_gateways.read(db, gateway_id))

    async def settings(self, gateway_id: str) -> dict[str, Any] | None:
        """Like `gateway`, cached for SETTINGS_S: a change by another process is seen that much later."""
        known = self._known.get(gateway_id)
        if known and time.monotonic() - known[0] < SETTINGS_S:
            return known[1]
        gateway = await self.gateway(gateway_id)
        if gateway:
            self._known[gateway_id] = time.monotonic(), gateway
        return gateway

    async def gateways(self, search: str, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
        """Return a page of the gateways whose id contains a text, and how many there are."""
        return await self.read(lambda db: store_gateways.page(db, search, limit, offset))

    async def create_gateway(self, gateway_id: str, settings: str) -> dict[str, Any] | None:
        """Create a gateway with settings (JSON) and return it, or None if the id is taken."""
        return await self._change(lambda db: store_gateways.create(db, gateway_id, settings, _now()))

    async def replace_gateway(self, gateway_id: str, settings: str) -> dict[str, Any] | None:
        """Replace a gateway's settings (JSON) and return it, or None if there is no such gateway."""
        return await self._change(lambda db: store_gateways.replace(db, gateway_id, settings, _now()))

    async def delete_gateway(self, gateway_id: str) -> None:
        """Delete a gateway with its logs."""
        await self._change(lambda db: store_gateways.delete(db, gateway_id, _now()))
        await self._delete(Condition("gateway = ?", (gateway_id,)), Order(direction="asc"), None)

    async def resources(self, gateway_id: str, kind: Kind) -> list[dict[str, Any]]:
        """Return a gateway's policies or routes, oldest first."""
        return self._read_here(lambda db: store_resources.every(db, gateway_id, kind))

    async def policies(self, gateway_id: str) -> list[dict[str, Any]]:
        """Return a gateway's policies, cached for SETTINGS_S, since every call needs them."""
        known = self._policies.get(gateway_id)
        if known and time.monotonic() - known[0] < SETTINGS_S:
            return known[1]
        found = await self.resources(gateway_id, "policy")
        self._policies[gateway_id] = time.monotonic(), found
        return found

    async def put_resource(self, gateway_id: str, kind: Kind, id_: str, body: dict[str, Any]) -> dict[str, Any]:
        """Store a policy or a route under its id, and return it."""
        return await self._change(lambda db: store_resources.put(db, gateway_id, kind, id_, body, _now()))

    async def remove_resource(self, gateway_id: str, kind: Kind, id_: str) -> bool:
        """Delete a policy or a route, and return whether it existed."""
        return await self._change(lambda db: store_resources.remove(db, gateway_id, kind, id_))

    async def cached(self, key: str) -> bytes | None:
        """Return the reply cached under a key, unless it has expired."""
        sql, now = "SELECT reply FROM cache WHERE key = ? AND expires_at > ?", _now()
        row = await self.read(lambda db: db.execute(sql, (key, now)).fetchone())
        return None if row is None else row["reply"]

    async def keep(self, key: str, reply: bytes, ttl_s: float) -> None:
        """Cache a reply under a key for `ttl_s` seconds, and delete expired ones."""
        now = _now()

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM cache WHERE expires_at <= ?", (now,))
            db.execute("INSERT OR REPLACE INTO cache VALUES (?, ?, ?)", (key, now + round(ttl_s * 1000), reply))

        await self.write(work, len(reply))

    async def indexed(self) -> None:
        """Return once no log waits to be indexed. For tests and benchmarks."""
        if self._indexer:
            await self._indexer.indexed()

    async def _change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Write a change to gateways, and clear their cached settings."""
        try:
            return await self.write(work)
        finally:
            self._known.clear()
            self._policies.clear()

    async def _delete(self, where: Condition, order: Order, limit: int | None) -> None:
        left = limit if limit is not None else 1 << 62
        while left > 0:
            part = min(left, DELETED_AT_ONCE)
            deleted = await self.write(partial(store_logs.delete, where=where, order=order, limit=part))
            left = left - deleted if deleted == part else 0

    async def _each(self, parts: Sequence[Condition], work: Callable[[sqlite3.Connection, Condition], T]) -> list[T]:
        """Run `work` for all parts at the same time, and return the results."""
        return await asyncio.gather(*(self.read(lambda db, part=part: work(db, part)) for part in parts))

    def _halves(self, where: Condition) -> list[Condition]:
        return self._read_here(lambda db: store_logs.halves(db, where))

    def _read_here(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read on the event loop: a row by its key takes microseconds, and a thread ten times as long."""
        try:
            return work(self._index)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.Error) -> GatewayError:
        return GatewayError(f"{self._path} could not be read: {told(error)}")

    def _one(self, gateway_id: str, log_id: str) -> Condition:
        return one(gateway_id, log_id, before=self._horizon())

    def _horizon(self) -> int | None:
        """Return the latest end of a call whose log is visible yet; None if all are."""
        return _now() - self._log_lag_ms if self._log_lag_ms else None

    def _reader(self) -> sqlite3.Connection:
        db = connect(self._path)
        db.execute("PRAGMA query_only = ON")
        return db


def _now() -> int:
    """Return UTC milliseconds."""
    return time.time_ns() // 1_000_000
