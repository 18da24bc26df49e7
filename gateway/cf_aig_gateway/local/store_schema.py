"""The store's file: how it is laid out, made and opened."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import stamina

from cf_aig_gateway.errors import GatewayError

APPLICATION_ID = 0x41494701
"""Marks a file as the local gateway's ("AIG", layout 1)."""

LAYOUT = 2
"""Of the tables, in `user_version`: a file of an older one is migrated when it is opened, a newer one is refused."""

SEQUENCE_BITS = 16
"""A log's rowid is its creation in UTC milliseconds, shifted by this: rows lie in order of time and need no index."""

# `measures` and `labels` are narrow copies of what is filtered most: scanned instead of the rows, in half the time.
SCHEMA = """
CREATE TABLE IF NOT EXISTS gateways (
    id TEXT PRIMARY KEY, settings TEXT NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL,
    logs INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (
    seq INTEGER PRIMARY KEY, gateway TEXT NOT NULL, success INTEGER NOT NULL, cached INTEGER NOT NULL,
    status_code INTEGER NOT NULL, duration INTEGER NOT NULL, tokens_in INTEGER, tokens_out INTEGER, cost REAL,
    feedback REAL, score REAL, provider TEXT NOT NULL, model TEXT NOT NULL, model_type TEXT, metadata TEXT,
    request_type TEXT, request_content_type TEXT, response_content_type TEXT, authentication INTEGER NOT NULL,
    compatibility_mode INTEGER NOT NULL, event_id TEXT, user_agent TEXT, id TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX IF NOT EXISTS measures ON logs (
    seq, gateway, success, cached, duration, tokens_in, tokens_out, cost, feedback, provider, model, model_type
);
CREATE INDEX IF NOT EXISTS labels ON logs (seq, gateway, metadata);
CREATE TABLE IF NOT EXISTS details (
    log INTEGER PRIMARY KEY, facts TEXT NOT NULL, request BLOB, response BLOB
) STRICT;
CREATE TRIGGER IF NOT EXISTS log_added AFTER INSERT ON logs BEGIN
    UPDATE gateways SET logs = logs + 1 WHERE id = new.gateway;
END;
CREATE TRIGGER IF NOT EXISTS log_deleted AFTER DELETE ON logs BEGIN
    UPDATE gateways SET logs = logs - 1 WHERE id = old.gateway;
    DELETE FROM details WHERE log = old.seq;
END;
CREATE TABLE IF NOT EXISTS cache (key TEXT PRIMARY KEY, expires_at INTEGER NOT NULL, reply BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS cache_by_expiry ON cache (expires_at);
CREATE TABLE IF NOT EXISTS resources (
    gateway TEXT, kind TEXT, id TEXT, body TEXT NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL,
    PRIMARY KEY (gateway, kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS windows (
    gateway TEXT, start INTEGER, calls INTEGER NOT NULL, PRIMARY KEY (gateway, start)
) STRICT, WITHOUT ROWID;
"""


def create(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make the file and its folder where they are missing, for this user alone, and let `fill` add its first rows.

    Raises:
        OSError: the place cannot be written.
        GatewayError: the file is something else.

    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        _laid_out(path, fill)
    except sqlite3.Error as error:
        raise GatewayError(f"{path} cannot be used as the local gateway's file: {error}.") from error


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection that any thread may use, one at a time; transactions are begun by hand."""
    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    return db


def _is_locked(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY


@stamina.retry(on=_is_locked, attempts=20, wait_initial=0.01, wait_max=0.5)
def _laid_out(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Lay the file out; whoever comes while another process turns WAL mode on is told that it is locked."""
    with closing(connect(path)) as db:
        _lay_out(db, fill)


def _lay_out(db: sqlite3.Connection, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make the tables, once, though several processes may come at the same time."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables:
        (marked,) = db.execute("PRAGMA application_id").fetchone()
        if marked != APPLICATION_ID:
            raise sqlite3.DatabaseError("it belongs to another program")
        _migrate(db)
        return
    db.execute("PRAGMA page_size = 8192")
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(f"BEGIN IMMEDIATE; {SCHEMA}")
    fill(db)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {LAYOUT}")
    db.execute("COMMIT")


def _migrate(db: sqlite3.Connection) -> None:
    """Bring the tables of an older layout to this one: so far each added tables, which are made where they lack."""
    (layout,) = db.execute("PRAGMA user_version").fetchone()
    if layout > LAYOUT:
        raise sqlite3.DatabaseError("a newer version of this program made it")
    if layout < LAYOUT:
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {LAYOUT}; COMMIT;")
