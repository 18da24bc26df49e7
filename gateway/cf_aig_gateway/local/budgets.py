"""How many calls a gateway had in a window of time, and what they cost (US dollars)."""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cf_aig_gateway.local.store_conditions import Condition, first_seq, joined

NAMES = "(SELECT value FROM json_each(?))"


@dataclass(frozen=True)
class Window:
    """A window of time in seconds, aligned to the clock. A sliding one includes a share of the window before."""

    seconds: float
    slides: bool = False

    def ends(self, now: int) -> tuple[int, int, int]:
        """Return the starts of the previous and the current window, and now (UTC milliseconds)."""
        length = max(1, round(self.seconds * 1000))
        start = now - now % length
        return start - length, start, now


@dataclass(frozen=True)
class Calls:
    """Selects some of a gateway's calls. A metadata value of None selects calls without the key."""

    gateway: str
    providers: Sequence[str] = ()
    models: Sequence[str] = ()
    metadata: Mapping[str, Sequence[Any]] | None = None

    def conditions(self, start: int, end: int) -> Iterator[Condition]:
        """Yield the conditions on a log."""
        yield Condition("gateway = ?", (self.gateway,))
        yield Condition("seq >= ? AND seq < ?", (first_seq(start), first_seq(end)))
        if self.providers:
            yield Condition(f"provider IN {NAMES}", (json.dumps(list(self.providers)),))
        if self.models:
            either = f"model IN {NAMES} OR substr(model, length(provider) + 2) IN {NAMES}"
            yield Condition(either, (json.dumps(list(self.models)),) * 2)
        for key, values in (self.metadata or {}).items():
            held, path = "json_extract(metadata, ?)", f"$.{json.dumps(key)}"
            if None in values:
                yield Condition(f"{held} IS NULL", (path,))
            else:
                yield Condition(
                    f"CAST({held} AS TEXT) IN {NAMES}", (path, json.dumps([str(value) for value in values]))
                )


def used(db: sqlite3.Connection, calls: Calls, window: Window, what: str = "total(cost)") -> float:
    """Return the used part of a budget: `total(cost)`, or `count(*)`."""
    before, start, now = window.ends(time.time_ns() // 1_000_000)
    amount = _sum(db, calls, start, now + 1, what)
    if window.slides:
        amount += _sum(db, calls, before, start, what) * (1 - (now - start) / (start - before))
    return amount


def _sum(db: sqlite3.Connection, calls: Calls, start: int, end: int, what: str) -> float:
    where = joined(" AND ", list(calls.conditions(start, end)))
    (total,) = db.execute(f"SELECT {what} FROM logs WHERE {where.sql}", where.values).fetchone()  # noqa: S608
    return total
