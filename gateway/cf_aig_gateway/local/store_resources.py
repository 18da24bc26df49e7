"""A gateway's policies and routes, each stored as JSON under an id."""

import json
import sqlite3
from typing import Any, Literal

from cf_aig_gateway.local.store_logs import iso

Kind = Literal["policy", "route", "cost"]


def every(db: sqlite3.Connection, gateway_id: str, kind: Kind) -> list[dict[str, Any]]:
    """Return a gateway's resources of a kind, oldest first."""
    sql = "SELECT * FROM resources WHERE gateway = ? AND kind = ? ORDER BY created_at, id"
    return [_read(row) for row in db.execute(sql, (gateway_id, kind))]


def put(
    db: sqlite3.Connection, gateway_id: str, kind: Kind, id_: str, body: dict[str, Any], now: int
) -> dict[str, Any]:
    """Store a resource under its id, replacing any earlier one, and return it."""
    kept = (
        "INSERT INTO resources VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET body = excluded.body, modified_at = excluded.modified_at"
    )
    db.execute(kept, (gateway_id, kind, id_, json.dumps(body), now, now))
    return next(held for held in every(db, gateway_id, kind) if held["id"] == id_)


def remove(db: sqlite3.Connection, gateway_id: str, kind: Kind, id_: str) -> bool:
    """Delete a resource, and return whether it existed."""
    sql = "DELETE FROM resources WHERE gateway = ? AND kind = ? AND id = ?"
    return db.execute(sql, (gateway_id, kind, id_)).rowcount > 0


def _read(row: sqlite3.Row) -> dict[str, Any]:
    times = {"created_at": iso(row["created_at"]), "modified_at": iso(row["modified_at"])}
    return {"id": row["id"], **json.loads(row["body"]), **times}
