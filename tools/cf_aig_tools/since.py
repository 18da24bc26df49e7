"""What is new since an earlier answer: the handle that `list_logs` returns, and the logs since then.

A handle needs no state on the server. It contains the time of the newest reported log, when the last of the reported
logs ended, and short digests of the newest ones. A log is new if it was created later than the newest, or if it ended
later than all of them, since a slow call may be dated by its start. Logs may appear out of order for some seconds
(Cloudflare takes 0.3-4.7 s), so those of the last seconds are identified by their digests.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from zlib import crc32

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Log, ResultInfo
from cf_aig_tools.asked import Asked, Found
from cf_aig_tools.log_rows import when
from cf_aig_tools.parameters import wire_date
from cf_aig_tools.summary.scope import PAGE

OUT_OF_ORDER_MS = 5_000
"""For how long a log with an earlier time may still appear."""

LONGEST_CALL = timedelta(minutes=10)
"""How long before the newest log a call that ends after it may have started."""

MOST_PAGES = 4
"""Maximum pages of 50 logs read for new ones. If there are more, a note says so."""

MOST_DIGESTS = 50

LATEST_MS, LONGEST_MS = 0xFFFFFFFFFFF, 0xFFFFFFFF
"""The largest time and duration in a handle: the year 2527, 49 days."""

HANDLE = re.compile(r"h([0-9a-f]{1,11})-([0-9a-f]{1,8})-([0-9a-f]{1,4})((?:-[\w~]{3})*)", re.ASCII)


@dataclass(frozen=True)
class Told:
    """What an answer reported: the time of its newest log and its last end, in Unix milliseconds.

    `digests` are those of its logs in the last `recent` milliseconds before the newest.
    """

    newest: int = 0
    ended: int = 0
    recent: int = 0
    digests: frozenset[str] = frozenset()

    @classmethod
    def of(cls, handle: str) -> "Told":
        """Read a handle.

        Raises:
            GatewayError: it isn't a handle.

        """
        if not (match := HANDLE.fullmatch(handle.strip())):
            raise GatewayError("since must be the handle that an earlier list_logs gave; start_date takes a time.")
        newest, longer, recent = (int(number, 16) for number in match.groups()[:3])
        return cls(newest, newest + longer, recent, frozenset(match[4].split("-")[1:]))

    @property
    def handle(self) -> str:
        """Return this as text: h, hexadecimal times, then digests of three characters."""
        times = f"h{self.newest:x}-{self.ended - self.newest:x}-{self.recent:x}"
        return "-".join([times, *sorted(self.digests)])

    def has(self, log: Log) -> bool:
        """Whether a log is not new."""
        created = _created(log)
        if created > self.newest or created + _lasted(log) > self.ended:
            return False
        return created < self.newest - self.recent or _digest(log) in self.digests

    def and_of(self, logs: Sequence[Log], start: datetime | None = None, *, are_all: bool = True) -> "Told":
        """Return this with more reported logs. Without any, everything after `start` is new.

        `are_all` is false if matching older logs were not reported.
        """
        latest = sorted(((_created(log), log) for log in logs), key=itemgetter(0), reverse=True)
        newest = max(self.newest, latest[0][0] if latest else 0)
        if not newest:
            newest = _milliseconds(start) if start else 0
            return Told(newest, newest)
        recent = OUT_OF_ORDER_MS
        if latest and (len(latest) > MOST_DIGESTS or not are_all):
            recent = min(recent, newest - latest[:MOST_DIGESTS][-1][0])
        digests = frozenset(_digest(log) for created, log in latest[:MOST_DIGESTS] if created >= newest - recent)
        if newest - self.newest <= recent:
            digests |= self.digests
        ended = max((created + _lasted(log) for created, log in latest), default=0)
        return Told(newest, max(self.ended, newest, ended), recent, digests)


async def new_logs(asked: Asked, gateway_id: str, told: Told, page: int, per_page: int) -> tuple[Found, Told]:
    """Return a page of the logs that are new since `told`, newest first, and the new state with all of them.

    Raises:
        GatewayError: the gateway did not return them.

    """
    horizon = datetime.fromtimestamp(told.newest / 1000, UTC) - LONGEST_CALL if told.newest else None
    new, dropped, notes = dict[str, Log](), 0, dict[str, None]()
    for number in range(1, MOST_PAGES + 1):
        _, found = await asked.newest(gateway_id, number, horizon and wire_date(horizon))
        new |= {log.id: log for log in found.kept if not told.has(log)}
        dropped += found.dropped
        notes |= dict.fromkeys(found.notes)
        if not found.has_more:
            break
    else:
        notes[f"Only the newest {MOST_PAGES * PAGE} logs were looked at; start_date and page show older ones."] = None
    logs = list(new.values())
    shown = logs[(page - 1) * per_page : page * per_page]
    if len(shown) < len(logs):
        notes[f"Of all {len(logs):,} new logs {sum(log.success is False for log in logs):,} failed."] = None
    info = ResultInfo(page=page, per_page=per_page, total_count=len(logs))
    return Found(shown, info, dropped, tuple(notes)), told.and_of(logs)


@lru_cache(maxsize=1024)
def _milliseconds(moment: datetime) -> int:
    return min(max(0, int(moment.timestamp() * 1000)), LATEST_MS)


def _created(log: Log) -> int:
    moment = when(log)
    return _milliseconds(moment) if moment else 0


def _lasted(log: Log) -> int:
    return int(min(max(0, log.duration or 0), LONGEST_MS))


def _digest(log: Log) -> str:
    """Return 18 bits of an id's checksum: one new log of the last seconds in 260,000 is mistaken for a reported one."""
    return b64encode(crc32(log.id.encode()).to_bytes(4), b"_~")[:3].decode()
