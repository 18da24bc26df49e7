"""The calls that a summary covers, as queries to the logs API and to analytics."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cf_aig_gateway.analytics import Dimension, Grouping
from cf_aig_gateway.answers import Page
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.models import Log
from cf_aig_tools import evaluations
from cf_aig_tools.parameters import Wanted, wire_date

PAGE = 50
"""Logs per request, the most that the API returns."""

_TICK = timedelta(milliseconds=1)
_DIMENSIONS = {
    "success": "error",
    "cached": "cached",
    "provider": "provider",
    "model": "model",
    "duration": "durationMs",
    "tokens_in": "tokensIn",
    "tokens_out": "tokensOut",
    "user_agent": "userAgent",
}
_OPERATORS = {"eq": "in", "neq": "notin", "gt": "gt", "lt": "lt"}


@dataclass(frozen=True)
class Scope:
    """The calls of a gateway from `start` until before `end` that meet the filters.

    An empty gateway id means all gateways, which only analytics support, limited to those `among` if any are named.
    Calls to the models `without` are left out of analytics queries.
    """

    gateway: AIGateway
    gateway_id: str
    start: datetime
    end: datetime
    wanted: Wanted = Wanted()  # noqa: RUF009 (it cannot change)
    search: str = ""
    without: tuple[str, ...] = ()
    among: tuple[str, ...] = ()

    @property
    def is_of_evaluations(self) -> bool:
        """Whether the filters ask for calls to a model that guardrails evaluate with."""
        asked = (value for clause in self.wanted.filters if clause.key == "model" for value in clause.value)
        return any(value in evaluations.MODELS for value in asked)

    async def page(self, number: int, size: int = PAGE) -> Page[Log]:
        """Return a page of its logs, newest first."""
        found = await self.gateway.logs(
            self.gateway_id,
            page=number,
            per_page=size,
            start_date=wire_date(self.start),
            end_date=wire_date(self.end - _TICK),
            filters=self.wanted.filters,
            search=self.search or None,
        )
        kept, hidden = self.wanted.sort(found.items)
        if not hidden:
            return Page(kept, found.info, found.notes)
        total = found.info.total_count - hidden if kept else 0
        return Page(kept, found.info.model_copy(update={"total_count": total}), found.notes)

    async def count(self, gateway_id: str) -> int:
        """Return how many logs of another gateway match."""
        return (await replace(self, gateway_id=gateway_id).page(1)).info.total_count

    @property
    def heading(self) -> str:
        """The gateway and the time range, to the minute."""
        start, end = self.start, self.end
        until = f"–{end:%H:%M}".replace("–00:00", "–24:00") if self.is_of_one_day() else f" to {end:%Y-%m-%d %H:%M}"
        return f"{self.gateway_id or 'all gateways'}, {start:%Y-%m-%d %H:%M}{until} UTC"

    def is_of_one_day(self) -> bool:
        """Whether a time of day is unambiguous within the time range."""
        return self.start.date() == (self.end - _TICK).date()

    def failures(self) -> "Scope":
        """Return the same for failed calls only."""
        failed = Filter(key="success", value=[False])
        return replace(self, wanted=replace(self.wanted, filters=(*self.wanted.filters, failed)))

    def earlier(self, by: timedelta) -> "Scope":
        """Return the same shifted back by this much."""
        return replace(self, start=self.start - by, end=self.end - by)

    def parts(self, count: int) -> list["Scope"]:
        """Return this many parts of equal length, newest first."""
        length = (self.end - self.start) / count
        starts = [self.start + length * number for number in range(count)]
        return [replace(self, start=start, end=start + length) for start in reversed(starts)]

    def grouping(self, *by: Dimension, **more: Any) -> Grouping | None:
        """Return the analytics query for these calls that also meet `more`; None if analytics cannot express it."""
        tests = list(self._tests())
        if self.search or None in tests:
            return None
        others: dict[str, Any] = {"model_notin": list(self.without)} if self.without else {}
        others |= {"gateway_in": list(self.among)} if self.among else {}
        filters = {**({"AND": tests} if tests else {}), **others, **more}
        return Grouping(self.start, self.end, by, filters)

    def _tests(self) -> Iterator[dict[str, Any] | None]:
        """Yield each clause for analytics; None for an unsupported one."""
        for clause in self.wanted.filters:
            values = [_whole(clause.key, value) for value in clause.value]
            dimension, operator = _DIMENSIONS.get(clause.key), _OPERATORS.get(clause.operator)
            if not dimension or not operator or None in values or (operator in {"gt", "lt"} and len(values) > 1):
                yield None
            else:
                yield {f"{dimension}_{operator}": values if "in" in operator else values[0]}


def _whole(key: str, value: str | float | None) -> str | int | None:
    """Return a value as analytics compare it; None if they cannot."""
    if isinstance(value, bool):
        return int(value != (key == "success"))
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value
