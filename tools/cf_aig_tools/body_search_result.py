"""Reports a body search: which logs match, how far the search got, and how to continue it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cf_aig_gateway.models import Log
from cf_aig_tools.amounts import counted
from cf_aig_tools.asked import Asked
from cf_aig_tools.body_search import BodySearch, Hit
from cf_aig_tools.log_rows import common_date, shared_time, time_of, when
from cf_aig_tools.parameters import wire_date
from cf_aig_tools.reading.delivery import delivered
from cf_aig_tools.reading.masking import marks
from cf_aig_tools.reading.quoting import Quoting
from cf_aig_tools.reading.search import MOST, told
from cf_aig_tools.summary.figures import TIMES, by_log
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.tables import Cell, table

MOST_LIMIT = 50
"""Maximum logs in one result."""

MINUTE = "%Y-%m-%d %H:%M UTC"
SECOND = "%Y-%m-%d %H:%M:%S UTC"

NEXT = "next: get_log_request_body or get_log_response_body with log_id and pointer"
LIKELY = "Likely: the wording differs (try fewer words, or regex), start_date is too late, or bodies were not stored."
MASKED = 'Masked secrets cannot be searched by text; search by kind: text="{kind}".'


@dataclass(frozen=True)
class Result:
    """Formats a search result within a token budget."""

    search: BodySearch
    asked: Asked
    budget: int

    @cached_property
    def _quoting(self) -> Quoting:
        return Quoting(self.search.sought.masker)

    def hits(self) -> str:
        """Return the matching logs, each with its first match and the number of others."""
        hits, logs = self.search.hits, [hit.log for hit in self.search.hits]
        shared = shared_time(logs)
        which = f"The newest {counted(len(hits), 'log')}" if self.search.rest else counted(len(hits), "log")
        lead = f"{which} {self._that_hold(len(hits))}, newest first, {common_date(logs)}."
        return delivered(lead, [self._line(hit, shared) for hit in hits], self._after_hits, self.budget)

    def groups(self, by: str) -> str:
        """Return how many logs match in each group."""
        logs = [hit.log for hit in self.search.hits]
        held, looked = (by_log([Row(log) for log in each], by) for each in (logs, self.search.looked))
        names = list(held) if by in TIMES else sorted(held, key=lambda name: -len(held[name]))
        rows = [self._group(by, name, held[name], looked[name]) for name in names]
        lines = [self._quoting.whole(line) for line in table(rows, whole=["newest"]).text().splitlines()]
        lead = f"{counted(len(logs), 'log')} {self._that_hold(len(logs))}, by {self._quoting.short(by, 80)}."
        return delivered(lead, lines, lambda shown: self._after_groups(logs[-1], len(lines) - shown), self.budget)

    def nothing(self, hint: str) -> str:
        """Report that nothing matched: how far the search got and possible causes."""
        if not self.search.total:
            match = " match" if self.asked.is_narrow else ""
            return delivered(f"No logs{match} {self._where}, so there are no bodies.{hint}", [], _none, self.budget)
        lead = f"No log {self._that_hold(1)}."
        kind = next(iter(marks(self._what)), "openai_key")
        likely = LIKELY if self.search.sought.needle.is_secret else f"{LIKELY} {MASKED.format(kind=kind)}"
        further = self._further(self.search.rest, None)
        after = "\n".join(filter(None, [self._looked(), likely, further and f"next: {further}"]))
        return delivered(lead, [], lambda _: after, self.budget)

    @property
    def _where(self) -> str:
        return f"of gateway {self.search.bodies.gateway_id}"

    @cached_property
    def _what(self) -> str:
        return self._quoting.short(self.search.sought.needle.told, 120)

    def _that_hold(self, count: int) -> str:
        return f"{self._where} contain{'s' * (count == 1)} {self._what}"

    def _line(self, hit: Hit, shared: int) -> str:
        short = self._quoting.short
        more = f"more than {MOST:,}" if hit.more >= MOST else f"{hit.more:,}"
        others = f" (+{more} more)" if hit.more else ""
        facts = [short(hit.log.id, 80), time_of(hit.log, shared), short(hit.log.model or "", 60), hit.part]
        return f"{' '.join(filter(None, facts))} {told(hit.match, self._quoting.whole)}{others}"

    def _group(self, by: str, name: str, held: Sequence[Row], looked: Sequence[Row]) -> dict[str, Cell]:
        of: dict[str, Cell] = {} if self.search.by_index else {"of": len(looked)}
        return {by: name, "logs": len(held), **of, "newest": held[0].log.id}

    def _after_hits(self, shown: int) -> str:
        hits = self.search.hits
        rest = _date(hits[shown].log) if shown < len(hits) else self.search.rest
        left = f"Left out: {counted(len(hits) - shown, 'log')} that contain it. " if shown < len(hits) else ""
        further = self._further(rest, hits[shown - 1].log if shown else None)
        return f"{left}{self._looked()}\n{'; '.join(filter(None, [NEXT, further]))}"

    def _after_groups(self, oldest: Log, left: int) -> str:
        at = when(oldest)
        first = f"Oldest: {self._quoting.short(oldest.id, 80)}, {at.strftime(SECOND) if at else ''}."
        further = self._further(self.search.rest, None)
        left_out = f"Left out: {counted(left, 'group')}. " if left else ""
        return "\n".join([f"{left_out}{first}", self._looked(), "; ".join(filter(None, [NEXT, further]))])

    def _further(self, rest: str, last: Log | None) -> str:
        """Return how to search the rest. A date cannot separate logs of the same millisecond."""
        if not rest:
            return ""
        if last and _date(last) == rest:
            most = self.search.sought.most
            return f"limit={min(MOST_LIMIT, 2 * most)} or a larger budget for more"
        return f'end_date="{rest}" continues the search'

    def _looked(self) -> str:
        """Say how far the search got."""
        search, total = self.search, counted(self.search.total, "log")
        span = "".join(
            f" {word} {datetime.fromisoformat(date).strftime(MINUTE)}"
            for word, date in (("since", self.asked.start_date), ("until", self.asked.end_date))
            if date
        )
        count = "all " if search.is_all else "" if search.by_index else f"{len(search.looked):,} of "
        said = f"Searched {count}{total}{span}"
        if search.rest and (at := when(search.looked[-1]) if search.looked else None):
            said += f", newest first, back to {at.strftime(SECOND)}"
        if search.sampled or not search.by_index:
            of = f"of the newest {search.sampled:,}, " if 0 < search.sampled < search.total else ""
            said += f"; {of}{search.lacking:,} without a stored body" if search.lacking else ""
            said += f"; {search.cut:,} read only in part" if search.cut else ""
        return " ".join([f"{said}.", *filter(None, [search.stopped]), *search.notes])


def _none(_: int) -> str:
    return "next: list_gateways shows the gateways and whether they keep logs"


def _date(log: Log) -> str:
    at = when(log)
    return wire_date(at) if at else ""
