"""Logs in the store: how they are written, found and read."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cf_aig_gateway.filters import Filter
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store_schema import SEQUENCE_BITS

COLUMNS = (
    "gateway", "success", "cached", "status_code", "duration", "tokens_in", "tokens_out", "cost", "feedback", "score",
    "provider", "model", "model_type", "metadata", "request_type", "request_content_type", "response_content_type",
    "authentication", "compatibility_mode", "event_id", "user_agent", "id",
)  # fmt: skip
FACTS = ("path", "step", "custom_cost", "usage_metadata", "timings")
INSERT = f"INSERT INTO logs (seq, {', '.join(COLUMNS)}) VALUES (?{', ?' * len(COLUMNS)})"  # noqa: S608
OPERATORS = {"eq": "= ?", "neq": "IS NOT ?", "lt": "< ?", "gt": "> ?", "contains": "LIKE '%' || ? || '%'"}


def insert(db: sqlite3.Connection, record: Record) -> None:
    """Add one log to the open transaction."""
    seq = _next_seq(db, record.created_at)
    values = [getattr(record, name) for name in COLUMNS]
    values[COLUMNS.index("metadata")] = None if record.metadata is None else _json(record.metadata)
    db.execute(INSERT, [seq, *values])
    facts = {name: getattr(record, name) for name in FACTS}
    db.execute("INSERT INTO details VALUES (?, ?, ?, ?)", (seq, _json(facts), record.request, record.response))


def page(
    db: sqlite3.Connection, gateway: str, filters: Sequence[Filter], *, limit: int, offset: int, order: str
) -> tuple[list[dict[str, Any]], int]:
    clauses, values = ["gateway = ?"], [gateway]
    for clause in filters:
        test = f"{clause.key} {OPERATORS[clause.operator]}"
        clauses.append("(" + " OR ".join([test] * len(clause.value)) + ")")
        values += clause.value
    where = " AND ".join(clauses)
    total = db.execute(f"SELECT count(*) FROM logs WHERE {where}", values).fetchone()[0]  # noqa: S608
    rows = db.execute(
        f"SELECT logs.*, facts FROM logs JOIN details ON log = seq WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608
        [*values, limit, offset],
    ).fetchall()
    return [_row(row) for row in rows], total


def _next_seq(db: sqlite3.Connection, created_at: int) -> int:
    first = created_at << SEQUENCE_BITS
    last = first + (1 << SEQUENCE_BITS) - 1
    (taken,) = db.execute("SELECT max(seq) FROM logs WHERE seq BETWEEN ? AND ?", (first, last)).fetchone()
    return first if taken is None else taken + 1


def _row(row: sqlite3.Row) -> dict[str, Any]:
    held = dict(row)
    created_at = datetime.fromtimestamp((held.pop("seq") >> SEQUENCE_BITS) / 1000, UTC)
    metadata = held.pop("metadata")
    return {
        **json.loads(held.pop("facts")),
        **held,
        "created_at": created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "success": bool(held["success"]),
        "cached": bool(held["cached"]),
        "metadata": metadata and json.loads(metadata),
    }


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
