"""Follows new logs of a gateway. None is lost or reported twice, even though logs appear late and out of order."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import anyio

from cf_aig_gateway.answers import Page
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Log
from cf_aig_tools.asked import Asked, Found
from cf_aig_tools.desk import time_limit
from cf_aig_tools.log_rows import when
from cf_aig_tools.parameters import wire_date

LATE = timedelta(minutes=10)
"""How long after its own time a log may appear: Cloudflare takes 0.3-4.7 s, and a long call may be dated by its start.
"""

MOST_PAGES = 20
"""Maximum pages of 50 logs read per look. If a burst had more, a note says so."""

EACH_S = 1.0
"""Seconds to wait per request: Cloudflare's API allows an account four requests a second in total."""

FIRST_WAIT_S, LONGEST_WAIT_S = 15.0, 240.0
"""How long to wait after a transient failure, doubled each time."""


@dataclass(frozen=True)
class News:
    """New logs, oldest first; `is_cut`: there were more than are read."""

    logs: list[Log]
    is_cut: bool = False


@dataclass
class Following:
    """The known logs of a gateway, and what is new since. A request takes at most `timeout_s` seconds."""

    asked: Asked
    gateway_id: str
    timeout_s: float = 50.0
    requests: int = 0
    _known: dict[str, datetime] = field(default_factory=dict[str, datetime])
    _first: datetime | None = None

    async def newest(self, count: int) -> list[Log]:
        """Return the newest logs, oldest first. Only later ones count as news.

        Raises:
            GatewayError: the gateway did not return them.

        """
        kept: list[Log] = []
        for number in range(1, MOST_PAGES + 1):
            page, found = await self._page(number, None)
            self._learn(page.items)
            kept += found.kept
            if not found.has_more:
                break
            self._first = min(self._known.values(), default=None)
            if len(kept) >= count:
                break
        return kept[:count][::-1]

    async def news(self) -> News:
        """Return the logs that are new since the last look.

        Raises:
            GatewayError: the gateway did not return them.

        """
        self.requests = 0
        start, came, kept, goes_on = self._horizon(), dict[str, Log](), list[Log](), False
        known = sum(start is None or moment >= start for moment in self._known.values())
        for number in range(1, MOST_PAGES + 1):
            page, found = await self._page(number, start)
            new = {log.id: log for log in page.items if log.id not in self._known and log.id not in came}
            came |= new
            kept += [log for log in found.kept if log.id in new]
            is_short = page.info.total_count - known > len(came)
            goes_on = found.has_more and bool(page.items) and (is_short or len(new) == len(page.items))
            if not goes_on:
                break
        self._learn(list(came.values()))
        self._forget()
        return News(sorted(kept, key=_moment), goes_on)

    async def _page(self, number: int, start: datetime | None) -> tuple[Page[Log], Found]:
        self.requests += 1
        with time_limit(self.timeout_s):
            return await self.asked.newest(self.gateway_id, number, start and wire_date(start))

    def _learn(self, logs: list[Log]) -> None:
        self._known |= {log.id: _moment(log) for log in logs}

    def _horizon(self) -> datetime | None:
        """Return the time from which logs may be new; None if all may."""
        last = max(self._known.values(), default=None)
        after = self._first and self._first + timedelta(milliseconds=1)
        return max((each for each in (last and last - LATE, after) if each), default=None)

    def _forget(self) -> None:
        """Forget logs from before the horizon."""
        if start := self._horizon():
            self._known = {each: moment for each, moment in self._known.items() if moment >= start - LATE}


def _moment(log: Log) -> datetime:
    return when(log) or datetime.now(UTC)


async def follow(following: Following, every_s: float, waits: Callable[[str, float], None]) -> AsyncIterator[News]:
    """Yield new logs forever. `waits` is called with a transient failure and the seconds until the next attempt.

    Raises:
        GatewayError: the gateway refuses.

    """
    wait = every_s
    failures = 0
    while True:
        await anyio.sleep(wait)
        try:
            news = await following.news()
        except GatewayError as error:
            if not may_pass(error):
                raise
            wait = min(FIRST_WAIT_S * 2**failures, LONGEST_WAIT_S)
            failures += 1
            waits(str(error), wait)
        else:
            failures = 0
            wait = max(every_s, EACH_S * following.requests)
            if news.logs or news.is_cut:
                yield news


def may_pass(error: GatewayError) -> bool:
    """Whether a failed read may work later: after a rate limit, a server failure or no answer, not a refusal."""
    return error.status is None or error.status in (408, 429) or error.status >= 500
