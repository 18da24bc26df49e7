"""Logs in the store: writing, finding, reading, changing and deleting them."""
# ruff: noqa: S608 (SQL is built only from our own constants; every value is bound)

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cf_aig_gateway.formats.fingerprint import fingerprint
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store_conditions import TOTAL_TOKENS, Condition, joined
from cf_aig_gateway.local.store_schema import SEQUENCE_BITS

HEAD = 10_000
"""The most bytes of a body that a log's details show. Cloudflare's own limit is undocumented."""

COLUMNS = (
    "gateway", "success", "cached", "status_code", "duration", "tokens_in", "tokens_out", "cost", "feedback", "score",
    "provider", "model", "model_type", "metadata", "request_type", "request_content_type", "response_content_type",
    "authentication", "compatibility_mode", "event_id", "user_agent", "id", "session",
)  # fmt: skip
FACTS = ("path", "step", "custom_cost", "usage_metadata", "timings")
"""Columns that are shown but never searched.

They are stored separately, so that rows stay narrow and a million are scanned quickly.
"""

FINGERPRINT = "fingerprint"
"""A fact computed from the request when its log is written. Logs from earlier versions lack it."""

BODIES = ("request", "response")
MEASURES = {"cost": "cost", "duration": "duration", "tokens_in": "tokens_in", "tokens_out": "tokens_out"}
MEASURES["total_tokens"] = TOTAL_TOKENS

INSERT = f"INSERT INTO logs (seq, {', '.join(COLUMNS)}) VALUES (?{', ?' * len(COLUMNS)})"
ROOM = """
SELECT logs, settings ->> 'log_management' AS most, settings ->> 'log_management_strategy' AS strategy
FROM gateways WHERE id = ?
"""
EXTENT = """
SELECT (SELECT coalesce(sum(logs), 0) FROM gateways), (SELECT min(seq) FROM logs), (SELECT max(seq) FROM logs)
"""
WHOLE = "logs JOIN details ON log = seq"
SIZES = ", ".join(f"length({body}) AS {body}_size, substr({body}, 1, {HEAD}) AS {body}_head" for body in BODIES)

PRINTED = f"""json_object(
    'id', id, 'created_at', strftime('%Y-%m-%dT%H:%M:%fZ', (seq >> {SEQUENCE_BITS}) / 1000.0, 'unixepoch'),
    'provider', provider, 'model', model, 'success', json(iif(success, 'true', 'false')),
    'cached', json(iif(cached, 'true', 'false')), 'status_code', status_code, 'duration', duration,
    'tokens_in', tokens_in, 'tokens_out', tokens_out, 'cost', cost, 'feedback', feedback, 'metadata', json(metadata),
    'event_id', coalesce(event_id, ''), 'session_id', session, 'user_agent', user_agent, 'step', facts ->> 'step',
    'timings', facts -> 'timings',
    'usage_metadata', facts -> 'usage_metadata', 'fingerprint', facts -> '{FINGERPRINT}'
)"""
UNPRINTED = f'"{FINGERPRINT}":null}}'

MANY = 100_000
"""The number of logs from which two threads each scan half."""


@dataclass(frozen=True)
class Order:
    """How logs are sorted; ties, by time."""

    column: str = "created_at"
    direction: str = "desc"

    def sql(self) -> str:
        """Return the terms of ORDER BY."""
        by = "" if self.column == "created_at" else f"{self.column} {self.direction}, "
        return f"{by}seq {self.direction}"


def insert(db: sqlite3.Connection, record: Record) -> None:
    """Add one log, if its gateway exists and has room."""
    if not _has_room(db, record.gateway):
        return
    seq = _next_seq(db, record.created_at)
    values = [getattr(record, name) for name in COLUMNS]
    values[COLUMNS.index("metadata")] = _json(record.metadata)
    db.execute(INSERT, [seq, *values])
    facts = {name: getattr(record, name) for name in FACTS} | {FINGERPRINT: _fingerprint(record.request)}
    db.execute("INSERT INTO details VALUES (?, ?, ?, ?)", (seq, _json(facts), record.request, record.response))


def find(db: sqlite3.Connection, where: Condition, order: Order, limit: int, offset: int) -> list[dict[str, Any]]:
    """Return logs in the API's form."""
    chosen = f"{_first(where, order)} OFFSET ?"
    sql = f"SELECT logs.*, facts FROM {WHOLE} WHERE seq IN ({chosen}) ORDER BY {order.sql()}"
    return [_row(row) for row in db.execute(sql, (*where.values, limit, min(offset, 1 << 62)))]


def fingerprints(db: sqlite3.Connection, where: Condition, after: str, limit: int) -> list[str]:
    """Return matching logs older than `after` as JSON, newest first, with fingerprints of their requests.

    SQLite writes the JSON in a third of the time, and while other threads run.
    """
    older = "AND seq < (SELECT seq FROM logs WHERE id = ?)" if after else ""
    sql = f"SELECT seq, {PRINTED} FROM {WHOLE} WHERE {where.sql} {older} ORDER BY seq DESC LIMIT ?"
    rows = db.execute(sql, (*where.values, *([after] if after else []), limit))
    return [_printed(db, seq, text) if text.endswith(UNPRINTED) else text for seq, text in rows]


def first(db: sqlite3.Connection, where: Condition, order: Order, most: int) -> list[int]:
    """Return the rowids of the first matching logs."""
    return [seq for (seq,) in db.execute(_first(where, order), (*where.values, most))]


def totals(db: sqlite3.Connection, where: Condition, *, measured: bool = False) -> dict[str, Any]:
    """Count the logs and, if requested, add the extremes of their measures."""
    terms = ["count(*) AS total_count"]
    if measured:
        terms += [f"{side}({sql}) AS {side}_{name}" for name, sql in MEASURES.items() for side in ("min", "max")]
    return dict(db.execute(f"SELECT {', '.join(terms)} FROM logs WHERE {where.sql}", where.values).fetchone())


def added(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add up the totals of several parts."""
    whole: dict[str, Any] = {"total_count": sum(part["total_count"] for part in parts)}
    for name in parts[0].keys() - whole.keys():
        extreme = min if name.startswith("min_") else max
        whole[name] = extreme((part[name] for part in parts if part[name] is not None), default=None)
    return whole


def halves(db: sqlite3.Connection, where: Condition) -> list[Condition]:
    """Split a condition in two, for the newer and the older logs, for two threads.

    Not split if there are fewer than MANY logs, if it parses JSON or writes dates (SQLite's allocator has one lock,
    which makes two threads slower than one), or if it uses an index, which covers all logs at once.
    """
    many, oldest, newest = db.execute(EXTENT).fetchone()
    if many < MANY or any(costly in where.sql for costly in ("json_each", "datetime", "MATCH")):
        return [where]
    middle = (oldest + newest) // 2
    return [joined(" AND ", [where, Condition(f"seq {side} ?", (middle,))]) for side in (">=", "<")]


def details(db: sqlite3.Connection, where: Condition) -> dict[str, Any] | None:
    """Return one log with the sizes and beginnings of its bodies."""
    row = db.execute(f"SELECT logs.*, facts, {SIZES} FROM {WHOLE} WHERE {where.sql}", where.values).fetchone()
    return None if row is None else _row(row) | _heads(row)


def body(db: sqlite3.Connection, where: Condition, which: str) -> tuple[bytes | None, str | None] | None:
    """Return a stored body and its content type. The body or the log may be missing."""
    sql = f"SELECT {which}, {which}_content_type FROM {WHOLE} WHERE {where.sql}"
    row = db.execute(sql, where.values).fetchone()
    return None if row is None else (row[0], row[1])


def patch(db: sqlite3.Connection, where: Condition, changes: dict[str, Any]) -> bool:
    """Set feedback, score or metadata, and return whether there was such a log."""
    held = {name: _json(value) if name == "metadata" else value for name, value in changes.items()}
    settings = ", ".join(f"{name} = ?" for name in held) or "seq = seq"
    return db.execute(f"UPDATE logs SET {settings} WHERE {where.sql}", (*held.values(), *where.values)).rowcount > 0


def delete(db: sqlite3.Connection, where: Condition, order: Order, limit: int) -> int:
    """Delete the first matching logs with their bodies, and return how many there were."""
    return db.execute(f"DELETE FROM logs WHERE seq IN ({_first(where, order)})", (*where.values, limit)).rowcount


def _first(where: Condition, order: Order) -> str:
    """Return the query for the rowids of the first matching logs; its last value is how many."""
    return f"SELECT seq FROM logs WHERE {where.sql} ORDER BY {order.sql()} LIMIT ?"


def _has_room(db: sqlite3.Connection, gateway_id: str) -> bool:
    """Apply the gateway's `log_management`: at the limit, add nothing or delete the oldest."""
    row = db.execute(ROOM, (gateway_id,)).fetchone()
    if row is None:
        return False
    excess = 0 if row["most"] is None else row["logs"] + 1 - row["most"]
    if excess > 0 and row["strategy"] == "DELETE_OLDEST":
        delete(db, Condition("gateway = ?", (gateway_id,)), Order(direction="asc"), excess)
        return True
    return excess <= 0


def _next_seq(db: sqlite3.Connection, created_at: int) -> int:
    first = created_at << SEQUENCE_BITS
    last = first + (1 << SEQUENCE_BITS) - 1
    (taken,) = db.execute("SELECT max(seq) FROM logs WHERE seq BETWEEN ? AND ?", (first, last)).fetchone()
    return first if taken is None else taken + 1


def _row(row: sqlite3.Row) -> dict[str, Any]:
    """Return a row with the API's names. In lists, bodies are empty strings.

    There are no scanners or resellers here.
    """
    facts: dict[str, Any] = json.loads(row["facts"])
    return {
        "id": row["id"],
        "created_at": iso(row["seq"] >> SEQUENCE_BITS),
        "provider": row["provider"],
        "model": row["model"],
        "model_type": row["model_type"],
        "path": facts["path"],
        "success": bool(row["success"]),
        "status_code": row["status_code"],
        "cached": bool(row["cached"]),
        "duration": row["duration"],
        "tokens_in": row["tokens_in"],
        "tokens_out": row["tokens_out"],
        "cost": row["cost"],
        "custom_cost": facts["custom_cost"],
        "step": facts["step"],
        "feedback": _whole(row["feedback"]),
        "score": _whole(row["score"]),
        "metadata": None if row["metadata"] is None else json.loads(row["metadata"]),
        "event_id": row["event_id"] or "",
        "session_id": row["session"],
        "request_type": row["request_type"],
        "request_content_type": row["request_content_type"],
        "response_content_type": row["response_content_type"],
        "user_agent": row["user_agent"],
        "authentication": bool(row["authentication"]),
        "compatibilityMode": bool(row["compatibility_mode"]),
        "wholesale": False,
        "dlp_action": None,
        "usage_metadata": facts["usage_metadata"],
        "timings": facts["timings"],
        "request": "",
        "response": "",
    }


def _printed(db: sqlite3.Connection, seq: int, text: str) -> str:
    """Return a log with its request's fingerprint, which logs from an earlier version lack."""
    (request,) = db.execute("SELECT request FROM details WHERE log = ?", (seq,)).fetchone()
    return text.removesuffix(UNPRINTED) + UNPRINTED.replace("null", _json(_fingerprint(request)) or "null")


def _fingerprint(request: bytes | None) -> list[str | int] | None:
    return None if request is None else fingerprint(request).row()


def _heads(row: sqlite3.Row) -> dict[str, Any]:
    heads: dict[str, Any] = {}
    for body in BODIES:
        head, size = row[f"{body}_head"], row[f"{body}_size"]
        stored = head is not None
        heads[f"{body}_head"] = head.decode(errors="replace") if stored else None
        heads[f"{body}_head_complete"] = size <= HEAD if stored else None
        heads[f"{body}_size"] = size
    return heads


def iso(at: int) -> str:
    """Return UTC milliseconds as a time in the API's form."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _whole(number: float | None) -> float | None:
    return int(number) if number is not None and number.is_integer() else number


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
