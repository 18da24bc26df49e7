"""The index of what bodies say: it tells which logs certainly do not hold a text.

A log's text is cut into pieces, each a row of `body_index`, numbered by `pieces`: numbers without gaps make the index a
fifth of what rowids of logs would. From the least `unindexed_from` of the gateways on, logs may hold any text: to move
that mark costs a call nothing, a queue of logs would cost it a tenth of its time in the store.
"""
# ruff: noqa: S608 (SQL is put together of our own constants alone; every value is bound)

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cf_aig_gateway.local.body_text import body_text
from cf_aig_gateway.local.store_conditions import Condition

TRIGRAM = 3

LONGEST = 256
"""Characters of a text that are looked for: so many stand in two pieces, that no text is cut in two."""

TRIGRAMS = 12
"""Of a text that are looked for, at most."""

PIECE = 1 << 16
"""Characters of a piece; to index them takes about 10 ms, for which others wait to write."""

MOST = 2_000_000
"""Characters of the longest text that is indexed."""

AT_ONCE = 20
"""Pieces up to which logs are read at once."""

MANY_STALE = 10_000
"""Deleted logs up to which the index is not made anew."""

MARK = "(SELECT min(unindexed_from) FROM gateways)"
IS_INDEXED = "EXISTS (SELECT 1 FROM pieces WHERE log = seq AND is_last)"
UNINDEXED = f"seq >= {MARK} AND NOT {IS_INDEXED}"
WAITING = f"SELECT seq, request, response FROM logs JOIN details ON log = seq WHERE {UNINDEXED} ORDER BY seq"
STALE = "SELECT (SELECT count(*) FROM pieces WHERE is_last), (SELECT coalesce(sum(logs), 0) FROM gateways)"
CANDIDATES = f"""seq IN (
    SELECT log FROM body_index JOIN pieces ON id = body_index.rowid WHERE body_index MATCH ?
    UNION ALL SELECT log FROM unindexable
    UNION ALL SELECT seq FROM logs WHERE seq >= {MARK}
)"""


@dataclass(frozen=True)
class Piece:
    """Some of a log's text, None where it cannot be indexed; `is_last` when the log has no more."""

    log: int
    text: str | None
    is_last: bool = True


def is_there(db: sqlite3.Connection) -> bool:
    """Whether there is an index, and an SQLite that can read it."""
    try:
        db.execute("SELECT rowid FROM body_index LIMIT 0")
    except sqlite3.OperationalError:
        return False
    return True


def holding(text: str) -> Condition | None:
    """Return that a log may hold the text, whatever its case; None where any log may."""
    quoted = [trigram.replace('"', '""') for trigram in _trigrams(text)]
    return Condition(CANDIDATES, (" AND ".join(f'"{trigram}"' for trigram in quoted),)) if quoted else None


def is_waiting(db: sqlite3.Connection) -> bool:
    """Whether a log waits to be indexed."""
    return db.execute(f"SELECT 1 FROM logs WHERE {UNINDEXED} LIMIT 1").fetchone() is not None


def waiting(db: sqlite3.Connection) -> list[Piece]:
    """Return what is to be indexed of the oldest logs that wait."""
    pieces: list[Piece] = []
    for log, *bodies in db.execute(WAITING):
        pieces += _pieces(log, bodies)
        if len(pieces) >= AT_ONCE:
            break
    return pieces


def batches(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Yield the pieces, in each batch about as many characters as in one large piece."""
    batch: list[Piece] = []
    size = 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece.text or "")
        if size >= PIECE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def fill(db: sqlite3.Connection, pieces: Sequence[Piece]) -> None:
    """Index the pieces, but for those of logs that another process has indexed, or that are deleted."""
    for piece in pieces:
        if not db.execute(f"SELECT 1 FROM logs WHERE seq = ? AND NOT {IS_INDEXED}", (piece.log,)).fetchone():
            continue
        values = piece.log, piece.is_last
        number = db.execute("INSERT INTO pieces (log, is_last) VALUES (?, ?)", values).lastrowid
        if piece.text is None:
            db.execute("INSERT INTO unindexable VALUES (?)", (piece.log,))
        else:
            db.execute("INSERT INTO body_index (rowid, body) VALUES (?, ?)", (number, piece.text))
    db.execute(f"UPDATE gateways SET unindexed_from = (SELECT seq FROM logs WHERE {UNINDEXED} ORDER BY seq LIMIT 1)")


def is_stale(db: sqlite3.Connection) -> bool:
    """Whether most of the index is of deleted logs, which cannot be taken out of it one by one."""
    indexed, live = db.execute(STALE).fetchone()
    return indexed - live > max(MANY_STALE, live)


def renew(db: sqlite3.Connection) -> None:
    """Empty the index and have all logs indexed again."""
    db.execute("INSERT INTO body_index (body_index) VALUES ('delete-all')")
    db.execute("DELETE FROM pieces")
    db.execute("DELETE FROM unindexable")
    db.execute("UPDATE gateways SET unindexed_from = (SELECT min(seq) FROM logs)")


def _pieces(log: int, bodies: Sequence[bytes | None]) -> list[Piece]:
    try:
        text = _folded(body_text(bodies))
    except RecursionError:
        return [Piece(log, None)]
    if len(text) > MOST:
        return [Piece(log, None)]
    last = max(0, len(text) - 1) // PIECE * PIECE
    return [Piece(log, text[at : at + PIECE + LONGEST], at == last) for at in range(0, last + 1, PIECE)]


def _trigrams(text: str) -> list[str]:
    """Return some of the trigrams of a text, spread over it; of two lines, which may stand apart, those of each."""
    lines = _folded(text)[:LONGEST].split("\n")
    every = list({line[at : at + TRIGRAM]: None for line in lines for at in range(len(line) - TRIGRAM + 1)})
    return every[:: -(-len(every) // TRIGRAMS)] if every else []


def _folded(text: str) -> str:
    """Return a text as texts are compared, whatever their case; the index would end at a NUL."""
    return text.casefold().replace("\0", "\ufffd")
