"""Searches the stored bodies of logs, newest first, until enough of them match."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import takewhile

import anyio
import anyio.from_thread
import anyio.to_thread

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Log
from cf_aig_tools.asked import Asked, Found
from cf_aig_tools.bodies import Bodies, Part
from cf_aig_tools.log_rows import when
from cf_aig_tools.parameters import wire_date
from cf_aig_tools.progress import say
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.needle import Needle
from cf_aig_tools.reading.search import Match
from cf_aig_tools.side_by_side import together
from cf_aig_tools.summary.scope import PAGE

PATIENCE_S = 30.0
"""Time limit for the whole search, in seconds."""

SMALL = 64 * 1024
"""Bodies up to this many bytes are read directly; larger ones are read in a thread."""

GLANCE = 1024 * 1024
"""Bodies up to this many bytes are scanned directly for required text."""

IN_THREADS = 2
"""Maximum number of bodies read in threads at once; each takes several times its size in memory."""

INDEXED = 256
"""Maximum characters of a query sent to an index."""

IN_PARTS = "Its search misses text that a stored stream splits across events; regex reads every body."

TICK = timedelta(milliseconds=1)

Fetch = Callable[[Asked, int], Awaitable[Found | None]]
"""Returns a page of the selected logs, newest first."""


@dataclass(frozen=True)
class Hit:
    """A matching log: the first match, and how many more there are."""

    log: Log
    part: Part
    match: Match
    more: int


@dataclass(frozen=True)
class Seen:
    """The result for one log. `lacks`: a body is not stored. `is_cut`: a body was not read completely."""

    hit: Hit | None
    lacks: bool
    is_cut: bool


@dataclass(frozen=True)
class Sought:
    """What to search for, in which bodies, and after how many matching logs to stop (0: search all)."""

    needle: Needle
    parts: Sequence[Part]
    masker: Masker
    most: int


@dataclass
class BodySearch:
    """The matches, and how far the search got: which of `total` logs were searched, or why it stopped.

    With `by_index`, only the logs that an index named were searched. These are not listed, because the index contains
    secrets. Bodies that are not stored are then counted among the newest `sampled` logs.
    """

    bodies: Bodies
    sought: Sought
    total: int = 0
    hits: list[Hit] = field(default_factory=list[Hit])
    looked: list[Log] = field(default_factory=list[Log])
    lacking: int = 0
    cut: int = 0
    is_all: bool = False
    stopped: str = ""
    by_index: bool = False
    sampled: int = 0
    notes: tuple[str, ...] = ()
    _unseen: Log | None = None
    _threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(IN_THREADS))

    async def run(self, asked: Asked, within_s: float) -> None:
        """Search the bodies of logs for at most PATIENCE_S and `within_s` seconds."""
        patience_s = min(PATIENCE_S, within_s)
        deadline = anyio.current_time() + patience_s
        first = await self._page(asked, 1)
        self.total, self.notes = first.info.total_count, first.notes
        with anyio.move_on_after(deadline - anyio.current_time()) as patience:
            try:
                if await self._by_index(asked):
                    await self._sample(first.kept)
                else:
                    await self._through(asked, self._page, first)
            except GatewayError as error:
                if not self.looked:
                    raise
                self.stopped = f"Stopped: {error}"
        if patience.cancelled_caught:
            self.stopped = f"Stopped after {patience_s:g} s."

    @property
    def rest(self) -> str:
        """Return the date up to which logs were not searched; empty if all were."""
        last = when(self.looked[-1]) if self.looked else None
        first = when(self._unseen) if self._unseen else None
        if self.is_all:
            return ""
        if last and (first is None or (self.by_index and first < last)):
            return wire_date(last - TICK)
        return wire_date(first) if first else ""

    async def _by_index(self, asked: Asked) -> bool:
        """Search the logs that an index names, and return whether that was enough.

        Workers Observability searches streams as stored, where text may be split across events.
        """
        needle = self.sought.needle
        if needle.run and asked.gateway.log_system == "observability":
            self.by_index = True
            await self._through(replace(asked, search=needle.run), self._page)
            has_streams = "response" in self.sought.parts
            self.by_index = bool(self.hits) or not has_streams
            self.notes += (IN_PARTS,) if self.by_index and has_streams else ()
        elif needle.words and (first := await self._named(asked, 1)):
            self.by_index = True
            await self._through(asked, self._named, first)
        return self.by_index

    async def _sample(self, newest: Sequence[Log]) -> None:
        """Count bodies that are not stored among the newest logs rather than among those an index named."""
        self.lacking = self.cut = 0
        if not self.hits:
            await self._look_at(newest)
            self.sampled = len(newest)

    async def _page(self, asked: Asked, number: int) -> Found:
        return await asked.ordered(self.bodies.gateway_id, number, PAGE, "created_at", "desc")

    async def _named(self, asked: Asked, number: int) -> Found | None:
        """Return a page of logs that may match, from the gateway's index, or None if it has no index."""
        page = await asked.gateway.search_logs(
            self.bodies.gateway_id,
            text=self.sought.needle.words[:INDEXED],
            page=number,
            per_page=PAGE,
            start_date=asked.start_date,
            end_date=asked.end_date,
            filters=asked.wanted.filters,
        )
        if page is None:
            return None
        kept = list(filter(asked.wanted.holds, page.items))
        return Found(kept, page.info, len(page.items) - len(kept))

    async def _through(self, asked: Asked, fetch: Fetch, found: Found | None = None) -> None:
        """Search logs page by page.

        Each page ends where the previous one stopped, so new logs do not shift the pages.
        """
        found, number = found or await fetch(asked, 1), 1
        met = {log.id for log in self.looked}
        while found:
            logs = [log for log in found.kept if log.id not in met]
            if number > 1 and not logs and found.kept:
                self.stopped = "Stopped: the gateway returned the same logs again."
                return
            met |= {log.id for log in logs}
            await self._look_at(logs)
            is_enough = self._is_enough(self.hits)
            self.is_all = _is_last(found, number) and self._unseen is None and not (is_enough and self.by_index)
            if self.is_all or is_enough:
                return
            at = when(found.kept[-1]) if found.kept else None
            if at and wire_date(at) != asked.end_date:
                asked, number = replace(asked, end_date=wire_date(at)), 1
            else:
                number += 1
            found = await fetch(asked, number)

    async def _look_at(self, logs: Sequence[Log]) -> None:
        """Search logs, each once, concurrently until enough of them match."""
        logs = list({log.id: log for log in logs}.values())
        seen: dict[int, Seen] = {}

        async def look(number: int) -> None:
            seen[number] = await self._look(logs[number])
            self._say(len(self.looked) + len(seen))
            if self._is_enough([*self.hits, *_hits_in_order(seen)]):
                enough.cancel()

        try:
            with anyio.CancelScope() as enough:
                await together([partial(look, number) for number in range(len(logs))])
        finally:
            self._take(logs, seen)

    def _is_enough(self, hits: Sequence[Hit]) -> bool:
        return bool(self.sought.most) and len(hits) >= self.sought.most

    def _say(self, count: int) -> None:
        total = f"{self.total:,} logs"
        say(f"searching {total}" if self.by_index else f"searched {count:,} of {total}")

    def _take(self, logs: Sequence[Log], seen: Mapping[int, Seen]) -> None:
        """Record results until there are enough, and the first log that was not searched."""
        taken: set[int] = set()
        for number, each in sorted(seen.items()):
            if self._is_enough(self.hits):
                break
            taken.add(number)
            self.looked.append(logs[number])
            self.hits += [each.hit] if each.hit else []
            self.lacking += each.lacks
            self.cut += each.is_cut
        first = 1 if taken and 0 not in taken else 0  # a search that hangs must not block later ones
        self._unseen = next((logs[number] for number in range(first, len(logs)) if number not in taken), None)

    async def _look(self, log: Log) -> Seen:
        hit, lacks, is_cut = None, False, False
        for part in self.sought.parts:
            raw = await self.bodies.raw(log.id, part)
            lacks |= raw is None
            is_cut |= bool(raw and raw.is_cut)
            found = await self._matches(raw.data) if raw else []
            if hit:
                hit = replace(hit, more=hit.more + len(found))
            elif found:
                hit = Hit(log, part, found[0], len(found) - 1)
        return Seen(hit, lacks, is_cut)

    async def _matches(self, stored: bytes) -> list[Match]:
        needle, masker = self.sought.needle, self.sought.masker
        if len(stored) <= SMALL:
            return needle.matches(stored, masker)
        if len(stored) <= GLANCE and not needle.may_hold(stored):
            return []
        work = partial(needle.matches, stored, Stoppable(masker.enabled, masker.own))
        return await anyio.to_thread.run_sync(work, limiter=self._threads)


class Stoppable(Masker):
    """Masks text in a thread until the waiting call is cancelled."""

    def steps(self, text: str) -> Iterator[str]:
        """Yield the parts of a text."""
        for part in super().steps(text):
            anyio.from_thread.check_cancelled()
            yield part


def _is_last(found: Found, number: int) -> bool:
    """Whether this is the last page. The total alone cannot tell, because an index may have shrunk it since."""
    return len(found.kept) + found.dropped < PAGE and number * PAGE >= found.info.total_count


def _hits_in_order(seen: Mapping[int, Seen]) -> list[Hit]:
    """Return the hits before the first log that was not searched yet."""
    known = takewhile(lambda each: each is not None, map(seen.get, range(len(seen))))
    return [each.hit for each in known if each and each.hit]
