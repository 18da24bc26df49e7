"""What the local gateway remembers: one SQLite file in WAL mode, which several processes may share."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread

from cf_aig_gateway.filters import Filter

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS logs (
    id TEXT PRIMARY KEY, gateway TEXT NOT NULL, created_at TEXT NOT NULL, provider TEXT, model TEXT, success INTEGER,
    cached INTEGER, status_code INTEGER, duration INTEGER, tokens_in INTEGER, tokens_out INTEGER, cost REAL,
    step INTEGER, feedback INTEGER, metadata TEXT, request BLOB, response BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS logs_by_time ON logs (gateway, created_at);
"""
OPERATORS = {"eq": "= ?", "neq": "IS NOT ?", "lt": "< ?", "gt": "> ?", "contains": "LIKE '%' || ? || '%'"}


COLUMNS = [
    "id", "created_at", "provider", "model", "success", "cached", "status_code", "duration",
    "tokens_in", "tokens_out", "cost", "step", "feedback", "metadata",
]  # fmt: skip


@dataclass
class Record:
    """A log as it is stored, with its two bodies."""

    id: str
    gateway: str
    created_at: str
    provider: str
    model: str
    success: bool
    status_code: int
    duration: int
    cached: bool = False
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    step: int = 0
    feedback: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    request: bytes | None = None
    response: bytes | None = None


class Store(AbstractAsyncContextManager["Store"]):
    """The SQLite file at `path`; `:memory:` for one that ends with the process."""

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._one = anyio.CapacityLimiter(1)

    async def __aenter__(self) -> Self:
        self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    async def add(self, record: Record) -> None:
        """Commit one log."""
        values = vars(record) | {"metadata": json.dumps(record.metadata)}
        marks = ", ".join(f":{name}" for name in values)
        await self._run(lambda: self._db.execute(f"INSERT INTO logs VALUES ({marks})", values))  # noqa: S608

    async def logs(
        self, gateway: str, filters: Sequence[Filter], *, page: int, per_page: int, order: str
    ) -> tuple[list[dict[str, Any]], int]:
        """Return one page of logs and the number of all that match. `order` is a trusted ORDER BY term."""
        clauses, values = ["gateway = ?"], [gateway]
        for clause in filters:
            test = f"{clause.key} {OPERATORS[clause.operator]}"
            clauses.append("(" + " OR ".join([test] * len(clause.value)) + ")")
            values += clause.value
        where = " AND ".join(clauses)
        columns = ", ".join(COLUMNS)

        def query() -> tuple[list[dict[str, Any]], int]:
            total = self._db.execute(f"SELECT count(*) FROM logs WHERE {where}", values).fetchone()[0]  # noqa: S608
            rows = self._db.execute(
                f"SELECT {columns} FROM logs WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608
                [*values, per_page, (page - 1) * per_page],
            ).fetchall()
            return [_row(row) for row in rows], total

        return await self._run(query)

    async def _run(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._one)


def _row(row: sqlite3.Row) -> dict[str, Any]:
    held = dict(row)
    return held | {
        "success": bool(held["success"]),
        "cached": bool(held["cached"]),
        "metadata": json.loads(held["metadata"]),
    }
