"""Reads the logs in a time range, and selected bodies, within limits."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio

from cf_aig_gateway.answers import Page
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats.fingerprint import fingerprint
from cf_aig_gateway.models import Log
from cf_aig_tools.amounts import counted
from cf_aig_tools.bodies import Bodies, Stored, Wanted
from cf_aig_tools.log_rows import when
from cf_aig_tools.parameters import wire_date
from cf_aig_tools.progress import say
from cf_aig_tools.side_by_side import AT_ONCE, together
from cf_aig_tools.summary.scope import PAGE, Scope
from cf_aig_tools.waste.calls import Call, call_of, in_order

MOST_REQUESTS = 800
"""Requests per tool call: Cloudflare allows 1,200 in 5 minutes for everything a user runs."""

MOST_PAGES = 200
"""How many of these may be used for pages of 50 logs; the rest is for bodies."""

MOST_LOCAL_BODIES = 20_000
"""Maximum bodies read from the local gateway, which has no such limit."""

TICK = timedelta(milliseconds=1)

MOST_LOGS = 500_000
"""Maximum logs kept in memory."""


@dataclass
class Reading:
    """What was read: the calls, oldest first, `logs` of `total`, and how many of the wanted bodies.

    Logs that the API returned only because it matches metadata keys and values separately are excluded.
    """

    scope: Scope
    deadline: float
    calls: list[Call] = field(default_factory=list[Call])
    logs: int = 0
    total: int = 0
    notes: tuple[str, ...] = ()
    is_printed: bool = False
    _read: set[Wanted] = field(default_factory=set[Wanted])
    _lacking: int = 0
    _asked: set[Wanted] = field(default_factory=set[Wanted])
    _left: int = field(default_factory=lambda: MOST_REQUESTS)

    @property
    def bodies(self) -> Bodies:
        """The bodies of the gateway's logs."""
        return Bodies(self.scope.gateway, self.scope.gateway_id)

    async def read_calls(self) -> None:
        """Read the logs: all of them, or the newest ones that the limits and the time allow."""
        calls: dict[str, Call] = {}
        self.is_printed = await self._printed(calls)
        if not self.is_printed:
            await self._paged(calls)
        self.calls = in_order(calls.values())

    async def read_prints(self, wanted: Sequence[Call]) -> None:
        """Read the requests of calls without known fingerprints, in this order, as far as the limits allow."""
        unknown: dict[Wanted, Call] = {(call.id, "request"): call for call in wanted if call.print is None}
        kept, self._left = self._left // 2, self._left - self._left // 2
        todo = self._allowed(list(unknown))
        self._left += kept

        async def read(each: Wanted) -> None:
            raw = await self.bodies.raw(*each)
            if raw and not raw.is_cut:
                call = unknown[each]
                call.print = fingerprint(raw.data)
                call.session = call.session or call.print.session
            self._count(each, is_stored=raw is not None)

        with self._stopping(), anyio.move_on_after(max(0, self.deadline - anyio.current_time())):
            await together([partial(read, each) for each in todo])

    async def read_bodies(self, wanted: Sequence[Wanted]) -> dict[Wanted, Stored]:
        """Return bodies, in this order, as many as the limits allow."""
        found: dict[Wanted, Stored] = {}

        def take(each: Wanted, stored: Stored | None) -> None:
            if stored:
                found[each] = stored
            self._count(each, is_stored=stored is not None)

        with self._stopping():
            await self.bodies.read_all(self._allowed(wanted), take, max(0, self.deadline - anyio.current_time()))
        return found

    def coverage(self) -> str:
        """Say what was read, and what was not."""
        is_all = self.logs >= self.total
        since = "" if is_all or not self.calls else f", since {_minute(self.calls[0].start)}"
        logs = f"Read {'all' if is_all else f'the newest {self.logs:,} of'} {counted(self.total, 'log')}{since}"
        bodies = f", and {len(self._read):,} of the {len(self._asked):,} bodies they point to"
        lacking = f" ({self._lacking:,} are not stored)" if self._lacking else ""
        return f"{logs}{bodies if self._asked else ''}{lacking}. Nothing is extrapolated."

    @contextmanager
    def _stopping(self) -> Generator[None]:
        """Stop reading when the gateway refuses or fails, and say so; what was already read is used."""
        try:
            yield
        except GatewayError as error:
            self._left = 0
            self.notes += (f"Stopped reading: {error}",)

    def _allowed(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        """Return as many as the limit still allows."""
        every = list(dict.fromkeys(wanted))
        allowed = every[: max(0, self._left)]
        self._left -= len(allowed)
        self._asked.update(every)
        return allowed

    def _count(self, each: Wanted, *, is_stored: bool) -> None:
        self._read.add(each)
        self._lacking += not is_stored
        say(f"read {len(self._read):,} bodies")

    async def _printed(self, calls: dict[str, Call]) -> bool:
        """Read logs with fingerprints, and return whether the gateway has any."""
        scope, after = self.scope, ""
        while anyio.current_time() < self.deadline and len(calls) < MOST_LOGS:
            page = await scope.gateway.fingerprinted_logs(
                scope.gateway_id,
                after=after,
                start_date=wire_date(scope.start),
                end_date=wire_date(scope.end - TICK),
                filters=scope.wanted.filters,
                search=scope.search or None,
            )
            if page is None:
                return False
            self._left = MOST_LOCAL_BODIES
            self.total = self.total if after else page.info.total_count
            self._take(page, calls)
            if not page.items or self.logs >= self.total or page.items[-1].id == after:
                break
            after = page.items[-1].id
        return True

    async def _paged(self, calls: dict[str, Call]) -> None:
        scope = self.scope
        first = await scope.page(1)
        self.total, self.notes = first.info.total_count, first.notes
        if scope.gateway.most_per_page > PAGE:
            await self._by_time(calls)
            return
        self._take(first, calls)
        numbers = range(2, min(MOST_PAGES, -(-self.total // PAGE)) + 1)

        async def read(number: int) -> None:
            self._take(await scope.page(number), calls)

        self._left -= 1 + len(numbers)
        for at in range(0, len(numbers), AT_ONCE):
            if anyio.current_time() > self.deadline or self._left <= 0:
                break
            with self._stopping():
                await together([partial(read, number) for number in numbers[at : at + AT_ONCE]])

    async def _by_time(self, calls: dict[str, Call]) -> None:
        """Read logs where only the newest can be paged: each page ends where the previous one stopped."""
        scope, size = self.scope, self.scope.gateway.most_per_page
        for _ in range(MOST_PAGES):
            page, before = await scope.page(1, size), len(calls)
            self._take(page, calls)
            last = when(page.items[-1]) if page.items else None
            if last is None or len(calls) == before or self.logs >= self.total or anyio.current_time() > self.deadline:
                break
            scope = replace(scope, end=last + TICK)
        self.logs = min(self.total, len(calls))

    def _take(self, page: Page[Log], calls: dict[str, Call]) -> None:
        self.logs += page.info.count or len(page.items)
        calls |= {log.id: call_of(log) for log in page.items if self.scope.wanted.holds(log)}
        say(f"read {self.logs:,} of {self.total:,} logs")


def _minute(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
