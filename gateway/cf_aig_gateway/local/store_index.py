"""The index of bodies' texts. It rules out logs that can't contain a text.

A log's text is cut into pieces, each a row of `body_index`, numbered by `pieces`. Numbers without gaps make the index a
fifth of the size that rowids of logs would. From the smallest `unindexed_from` of the gateways on, logs aren't indexed
yet and may contain any text. Moving that mark costs a call nothing; a queue of logs would cost a tenth of its time in
the store.
"""
# ruff: noqa: S608 (SQL is built only from our own constants; every value is bound)

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cf_aig_gateway.local.body_text import body_text
from cf_aig_gateway.local.store_conditions import Condition

TRIGRAM = 3

LONGEST = 256
"""Characters of a text that are searched for. Pieces overlap by that many, so that no text is cut in two."""

TRIGRAMS = 12
"""The most trigrams of a text that are searched for."""

PIECE = 1 << 16
"""Characters of a piece. Indexing one takes about 10 ms, during which other writes wait."""

MOST = 2_000_000
"""The most characters of a text that is indexed."""

AT_ONCE = 20
"""The most pieces for which logs are read at a time."""

MANY_STALE = 10_000
"""The most deleted logs for which the index isn't rebuilt."""

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
    """Part of a log's text, None if it can't be indexed. `is_last` if the log has no more."""

    log: int
    text: str | None
    is_last: bool = True


def is_there(db: sqlite3.Connection) -> bool:
    """Whether there is an index that this SQLite can read."""
    try:
        db.execute("SELECT rowid FROM body_index LIMIT 0")
    except sqlite3.OperationalError:
        return False
    return True


def holding(text: str) -> Condition | None:
    """Return the condition that a log may contain the text, ignoring case; None if any log may."""
    quoted = [trigram.replace('"', '""') for trigram in _trigrams(text)]
    return Condition(CANDIDATES, (" AND ".join(f'"{trigram}"' for trigram in quoted),)) if quoted else None


def is_waiting(db: sqlite3.Connection) -> bool:
    """Whether any log waits to be indexed."""
    return db.execute(f"SELECT 1 FROM logs WHERE {UNINDEXED} LIMIT 1").fetchone() is not None


def waiting(db: sqlite3.Connection) -> list[Piece]:
    """Return the pieces to index of the oldest waiting logs."""
    pieces: list[Piece] = []
    for log, *bodies in db.execute(WAITING):
        pieces += _pieces(log, bodies)
        if len(pieces) >= AT_ONCE:
            break
    return pieces


def batches(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Yield the pieces in batches, each about as large as one large piece."""
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
    """Index the pieces, except of logs that another process has indexed or that are deleted."""
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
    """Whether most of the index belongs to deleted logs, which can't be removed from it one by one."""
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
    """Return some of a text's trigrams, spread over it. Lines may be stored apart, so no trigram spans two."""
    lines = _folded(text)[:LONGEST].split("\n")
    every = list({line[at : at + TRIGRAM]: None for line in lines for at in range(len(line) - TRIGRAM + 1)})
    return every[:: -(-len(every) // TRIGRAMS)] if every else []


def _folded(text: str) -> str:
    """Return a text folded for comparison without case. NUL is replaced, as the index would end there."""
    return text.casefold().replace("\0", "\ufffd")
