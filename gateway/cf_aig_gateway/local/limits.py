"""A gateway's rate limit, counted in the file that all processes share."""

import sqlite3
import time

from cf_aig_gateway.local.exchange import Setting


async def admit(setting: Setting) -> bool:
    """Count a request, and return whether it is within the gateway's limit. A refused request doesn't count."""
    settings = setting.settings
    limit, interval_s = settings.get("rate_limiting_limit"), settings.get("rate_limiting_interval")
    if not limit or not interval_s:
        return True
    window = Window(setting.gateway, limit, interval_s * 1000, settings.get("rate_limiting_technique") == "sliding")
    now = time.time_ns() // 1_000_000
    return await setting.store.write(lambda db: window.admit(db, now))


class Window:
    """Windows aligned to the clock.

    A sliding window adds the previous one's calls, weighted by the share it still covers.
    """

    def __init__(self, gateway: str, limit: int, length_ms: int, slides: bool) -> None:
        self._gateway = gateway
        self._limit = limit
        self._length_ms = length_ms
        self._slides = slides

    def admit(self, db: sqlite3.Connection, now: int) -> bool:
        """Count a call at `now` (UTC milliseconds) if the limit allows it."""
        start = now - now % self._length_ms
        used = float(self._calls(db, start))
        if self._slides:
            used += self._calls(db, start - self._length_ms) * (1 - (now - start) / self._length_ms)
        if used + 1 > self._limit:
            return False
        oldest = start - self._length_ms
        db.execute("DELETE FROM windows WHERE gateway = ? AND start < ?", (self._gateway, oldest))
        counted = "INSERT INTO windows VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET calls = calls + 1"
        db.execute(counted, (self._gateway, start))
        return True

    def _calls(self, db: sqlite3.Connection, start: int) -> int:
        sql = "SELECT calls FROM windows WHERE gateway = ? AND start = ?"
        row = db.execute(sql, (self._gateway, start)).fetchone()
        return row[0] if row else 0
