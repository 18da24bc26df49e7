"""The store's file: its layout, creation and opening."""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from cf_aig_gateway.errors import GatewayError

APPLICATION_ID = 0x41494701
"""Marks a file as the local gateway's ("AIG", layout 1)."""

LAYOUT = 3
"""The version of the tables, in `user_version`. An older file is migrated when opened; a newer one is refused."""

SEQUENCE_BITS = 16
"""A log's rowid is its creation time in UTC milliseconds, shifted by this.

So rows are in order of time and need no index.
"""

# An empty line ends each statement.
# `measures` and `labels` are narrow copies of the most filtered columns: scanning them takes half the time.
SCHEMA = """
CREATE TABLE IF NOT EXISTS gateways (
    id TEXT PRIMARY KEY, settings TEXT NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL,
    logs INTEGER NOT NULL DEFAULT 0, unindexed_from INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS logs (
    seq INTEGER PRIMARY KEY, gateway TEXT NOT NULL, success INTEGER NOT NULL, cached INTEGER NOT NULL,
    status_code INTEGER NOT NULL, duration INTEGER NOT NULL, tokens_in INTEGER, tokens_out INTEGER, cost REAL,
    feedback REAL, score REAL, provider TEXT NOT NULL, model TEXT NOT NULL, model_type TEXT, metadata TEXT,
    request_type TEXT, request_content_type TEXT, response_content_type TEXT, authentication INTEGER NOT NULL,
    compatibility_mode INTEGER NOT NULL, event_id TEXT, user_agent TEXT, id TEXT NOT NULL UNIQUE,
    session TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS measures ON logs (
    seq, gateway, success, cached, duration, tokens_in, tokens_out, cost, feedback, provider, model, model_type
);

CREATE INDEX IF NOT EXISTS labels ON logs (seq, gateway, metadata);

CREATE INDEX IF NOT EXISTS logs_by_session ON logs (session) WHERE session IS NOT NULL;

CREATE TABLE IF NOT EXISTS details (
    log INTEGER PRIMARY KEY, facts TEXT NOT NULL, request BLOB, response BLOB
) STRICT;

CREATE TABLE IF NOT EXISTS pieces (id INTEGER PRIMARY KEY, log INTEGER, is_last INTEGER NOT NULL) STRICT;

CREATE INDEX IF NOT EXISTS indexed_logs ON pieces (log) WHERE is_last;

CREATE TABLE IF NOT EXISTS unindexable (log INTEGER PRIMARY KEY) STRICT;

CREATE TRIGGER IF NOT EXISTS log_added AFTER INSERT ON logs BEGIN
    UPDATE gateways SET logs = logs + 1, unindexed_from = min(new.seq, coalesce(unindexed_from, new.seq))
    WHERE id = new.gateway;
    UPDATE pieces SET log = NULL WHERE log = new.seq AND is_last;
END;

CREATE TRIGGER IF NOT EXISTS log_deleted AFTER DELETE ON logs BEGIN
    UPDATE gateways SET logs = logs - 1 WHERE id = old.gateway;
    DELETE FROM details WHERE log = old.seq;
    DELETE FROM unindexable WHERE log = old.seq;
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

INDEX = """
CREATE VIRTUAL TABLE IF NOT EXISTS body_index USING fts5(body, content='', detail=none, tokenize='trigram')
"""
"""The index of bodies' texts, without the texts: which trigrams are in which piece."""


DAMAGED = "It is damaged: move it away with its -wal and -shm files; `sqlite3 FILE .recover` may rescue logs"
NO_ROOM = "Free space on its disk; logs written before are kept"
ADVICE = {
    sqlite3.SQLITE_FULL: NO_ROOM,
    sqlite3.SQLITE_IOERR: NO_ROOM,
    sqlite3.SQLITE_READONLY: "Let this user write the file and its folder, or use another file with --db",
    sqlite3.SQLITE_CANTOPEN: "Let this user write the file and its folder, or use another file with --db",
    sqlite3.SQLITE_BUSY: "Another process is writing to it: try again when that process has finished",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: "It is not a database or is damaged: use another file with --db, or move it away",
}
"""What to do, by SQLite's primary code."""


def told(error: sqlite3.Error) -> str:
    """Return what went wrong with the file, and what to do about it."""
    advice = ADVICE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "")
    return f"{error}. {advice}".rstrip(". ") + "."


def create(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Create the file and its folder if missing, for this user only, and let `fill` add the first rows.

    Raises:
        OSError: the location isn't writable.
        GatewayError: the file isn't a store.

    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_file(path)
    try:
        _laid_out(path, fill)
    except sqlite3.Error as error:
        raise GatewayError(f"{path} cannot be used as the local gateway's file: {told(error)}") from error


def _make_file(path: Path) -> None:
    """Create the file if it is missing. An existing file isn't opened.

    A store of this process may have it open, and closing it here would release that store's locks
    (https://sqlite.org/howtocorrupt.html, section 2.2, read 2026-11-29).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None
        if not os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)) from None


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection that any thread may use, one at a time. Transactions are started explicitly."""
    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    return db


def _is_locked(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY


def _laid_out(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Set up the file. Retry while another process turns WAL mode on, which SQLite's timeout doesn't cover."""
    try:
        _opened_and_laid_out(path, fill)
    except sqlite3.OperationalError as error:
        if not _is_locked(error):
            raise
        import stamina  # noqa: PLC0415 (rarely needed, and a tenth of the startup time)

        again = stamina.retry(on=_is_locked, attempts=20, wait_initial=0.01, wait_max=0.5)
        again(_opened_and_laid_out)(path, fill)


def _opened_and_laid_out(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    with closing(connect(path)) as db:
        _lay_out(db, fill)


def _lay_out(db: sqlite3.Connection, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Create the tables once, even if several processes start at the same time."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables:
        db.execute("PRAGMA page_size = 8192")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN IMMEDIATE")
        _make_tables(db)
        fill(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("COMMIT")
    elif db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise sqlite3.DatabaseError("it belongs to another program")
    elif _layout(db) != LAYOUT:
        _migrate(db)
    with suppress(sqlite3.OperationalError):  # not every SQLite has FTS5
        db.execute(INDEX)


def _layout(db: sqlite3.Connection) -> int:
    (layout,) = db.execute("PRAGMA user_version").fetchone()
    if layout > LAYOUT:
        raise sqlite3.DatabaseError("a newer version of this program made it")
    return layout


def _migrate(db: sqlite3.Connection) -> None:
    """Migrate tables of an older layout, unless another process has just done so."""
    db.execute("BEGIN IMMEDIATE")
    if _layout(db) < LAYOUT:
        db.execute("ALTER TABLE logs ADD COLUMN session TEXT")
        db.execute("ALTER TABLE gateways ADD COLUMN unindexed_from INTEGER")
        db.execute("DROP TRIGGER log_added")
        db.execute("DROP TRIGGER log_deleted")
        _make_tables(db)
        db.execute("UPDATE gateways SET unindexed_from = (SELECT min(seq) FROM logs)")
    db.execute("COMMIT")


def _make_tables(db: sqlite3.Connection) -> None:
    """Create missing tables."""
    for statement in SCHEMA.split("\n\n"):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {LAYOUT}")
