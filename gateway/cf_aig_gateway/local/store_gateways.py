"""Gateways in the store: their settings and how many logs each has."""

import json
import sqlite3
from typing import Any

from cf_aig_gateway.local.gateway_settings import DEFAULT
from cf_aig_gateway.local.store_logs import iso

DEFAULT_ID = "default"


def ensure_default(db: sqlite3.Connection, now: int) -> None:
    """Create the gateway `default` if it is missing."""
    create(db, DEFAULT_ID, DEFAULT.stored(), now)


def create(db: sqlite3.Connection, gateway_id: str, settings: str, now: int) -> dict[str, Any] | None:
    """Create a gateway and return it, or None if the id is taken."""
    sql = "INSERT OR IGNORE INTO gateways (id, settings, created_at, modified_at) VALUES (?, ?, ?, ?)"
    made = db.execute(sql, (gateway_id, settings, now, now)).rowcount
    return read(db, gateway_id) if made else None


def read(db: sqlite3.Connection, gateway_id: str) -> dict[str, Any] | None:
    """Return a gateway in the API's form, or None."""
    row = db.execute("SELECT * FROM gateways WHERE id = ?", (gateway_id,)).fetchone()
    return None if row is None else _gateway(row)


def replace(db: sqlite3.Connection, gateway_id: str, settings: str, now: int) -> dict[str, Any] | None:
    """Replace a gateway's settings and return it, or None if there is no such gateway."""
    db.execute("UPDATE gateways SET settings = ?, modified_at = ? WHERE id = ?", (settings, now, gateway_id))
    return read(db, gateway_id)


def delete(db: sqlite3.Connection, gateway_id: str, now: int) -> None:
    """Delete a gateway. `default` is recreated immediately."""
    db.execute("DELETE FROM gateways WHERE id = ?", (gateway_id,))
    db.execute("DELETE FROM resources WHERE gateway = ?", (gateway_id,))
    ensure_default(db, now)


def page(db: sqlite3.Connection, search: str, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return a page of the gateways whose id contains a text, in order of their ids, and how many there are."""
    (total,) = db.execute("SELECT count(*) FROM gateways WHERE instr(id, ?)", (search,)).fetchone()
    sql = "SELECT * FROM gateways WHERE instr(id, ?) ORDER BY id LIMIT ? OFFSET ?"
    rows = db.execute(sql, (search, limit, min(offset, 1 << 62)))
    return [_gateway(row) for row in rows], total


def _gateway(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        **json.loads(row["settings"]),
        "is_default": row["id"] == DEFAULT_ID,
        "created_at": iso(row["created_at"]),
        "modified_at": iso(row["modified_at"]),
    }
