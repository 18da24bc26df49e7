"""Exports the logs of a gateway as cases, reading a page and writing a few logs at a time."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from cf_aig_gateway.models import Log
from cf_aig_tools.amounts import counted
from cf_aig_tools.asked import Asked
from cf_aig_tools.bodies import Bodies
from cf_aig_tools.cases.case import Skipped, case_of
from cf_aig_tools.log_rows import when
from cf_aig_tools.parameters import wire_date
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.side_by_side import together
from cf_aig_tools.summary.scope import PAGE

AT_ONCE = 4
"""Logs whose bodies are in memory at the same time."""


@dataclass
class Export:
    """The newest `limit` matching logs, and how many were written or skipped so far."""

    asked: Asked
    gateway_id: str
    limit: int
    masker: Masker
    total: int | None = None
    written: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])
    notes: tuple[str, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether some matching logs are not among the cases."""
        return self.written < (self.total or 0)

    def told(self) -> str:
        """Report how many logs were written and skipped, and how many more match."""
        read = self.written + self.skipped.total()
        reasons = ", ".join(f"{count:,}: {reason}" for reason, count in self.skipped.most_common())
        skipped = f"; {counted(self.skipped.total(), 'log')} skipped ({reasons})" if reasons else ""
        more = (self.total or 0) - read
        rest = f"; {more:,} older logs match but exceed the limit of {self.limit:,}" if more > 0 else ""
        return " ".join([f"{counted(self.written, 'case')} written{skipped}{rest}.", *self.notes])

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield a line for each log that can be a case, newest first."""
        bodies = Bodies(self.asked.gateway, self.gateway_id)
        batch: list[Log] = []
        async for log in self._logs():
            batch.append(log)
            if len(batch) == AT_ONCE:
                async for line in self._written(bodies, batch):
                    yield line
                batch = []
        async for line in self._written(bodies, batch):
            yield line

    async def _written(self, bodies: Bodies, logs: list[Log]) -> AsyncIterator[bytes]:
        for case in await together([partial(case_of, bodies, log, self.masker) for log in logs]):
            if isinstance(case, Skipped):
                self.skipped[case.reason] += 1
            else:
                self.written += 1
                yield case

    async def _logs(self) -> AsyncIterator[Log]:
        """Yield each log once, even if logs are added or removed meanwhile.

        Each page is requested by its end date, not its number. That stays correct, and telemetry only returns the
        newest logs by number.
        """
        asked, page, given = self.asked, 1, 0
        seen: dict[str, datetime | None] = {}
        while True:
            found = await asked.ordered(self.gateway_id, page, PAGE, "created_at", "desc")
            if self.total is None:
                self.total, self.notes = found.info.total_count, found.notes
            fresh = [log for log in found.kept if log.id not in seen]
            for log in fresh[: self.limit - given]:
                yield log
            given += len(fresh)
            if given >= self.limit or not found.has_more:
                return
            seen |= {log.id: when(log) for log in fresh}
            if fresh and (end := _just_after(fresh[-1])):
                asked, page = replace(asked, end_date=wire_date(end)), 1
                seen = {id_: at for id_, at in seen.items() if at is None or at <= end}
            else:
                page += 1


def _just_after(log: Log) -> datetime | None:
    """Return the end of a log's timestamp: the end of the second if it has no fraction."""
    at = when(log)
    return at + timedelta(milliseconds=1 if "." in (log.created_at or "") else 1000) if at else None
