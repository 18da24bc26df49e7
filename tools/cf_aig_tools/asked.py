"""The logs that list_logs selects, one page at a time, in the requested order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from cf_aig_gateway.answers import Page
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.models import Log, ResultInfo
from cf_aig_tools.amounts import counted
from cf_aig_tools.log_rows import refuse_unknown_key
from cf_aig_tools.parameters import Wanted, in_order, metadata_key
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.side_by_side import together
from cf_aig_tools.summary.pages import MOST_ROWS
from cf_aig_tools.summary.scope import PAGE

MOST_CHECKED = 200
"""The most logs that are all read to count those that show the requested part of a text."""


@dataclass(frozen=True)
class Found:
    """The matching logs of a page, and how many others the API returned with them."""

    kept: list[Log]
    info: ResultInfo
    dropped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def has_more(self) -> bool:
        """Whether more pages follow."""
        return self.info.page * self.info.per_page < self.info.total_count


@dataclass(frozen=True)
class Asked:
    """Conditions on logs. Dates are in the API's form.

    The API compares stored values: a log that matches only in masked text is left out (guesses.py).
    """

    gateway: AIGateway
    wanted: Wanted
    start_date: str | None
    end_date: str | None
    search: str
    masker: Masker

    @property
    def is_narrow(self) -> bool:
        """Whether any condition may exclude logs of a gateway."""
        return bool(self.wanted.filters or self.search or self.start_date or self.end_date)

    async def count(self, gateway_id: str) -> int:
        """Return how many logs of a gateway match; the API matches metadata keys and values separately."""
        return (await self.ordered(gateway_id, 1, 1, "created_at", "desc")).info.total_count

    async def unknown_key(self, gateway_id: str) -> str:
        """Return a sentence saying that no recent log has a requested metadata key, and which keys exist."""
        names = [test.name for test in self.wanted.tests]
        recent = (await self.gateway.logs(gateway_id, per_page=PAGE)).items if names else []
        try:
            for name in names:
                refuse_unknown_key(recent, name)
        except GatewayError as error:
            return f" In the newest {counted(len(recent), 'log')}: {error}"
        return ""

    async def ordered(self, gateway_id: str, page: int, per_page: int, order_by: str, direction: str) -> Found:
        """Return a page of logs. If ordered by a metadata key, only logs with that key are included."""
        if key := metadata_key(order_by):
            return await self._sorted(gateway_id, page, per_page, key, is_descending=direction == "desc")
        found = await self._page(gateway_id, page, per_page, order_by, direction)
        if self.wanted.guesses.is_partial and len(found.items) < found.info.total_count <= MOST_CHECKED:
            whole = await self._whole(gateway_id, order_by, direction)
            return replace(_part(whole.kept, page, per_page), dropped=whole.dropped, notes=found.notes)
        return replace(self._meant(found.items, found.info), notes=found.notes)

    async def newest(self, gateway_id: str, page: int, start_date: str | None) -> tuple[Page[Log], Found]:
        """Return a page of 50 logs, newest first, from a date on: the page from the API, and its matching logs."""
        start = max(filter(None, (start_date, self.start_date)), default=None)
        found = await replace(self, start_date=start)._page(gateway_id, page, PAGE, "created_at", "desc")
        return found, self._meant(found.items, found.info)

    def _meant(self, logs: list[Log], info: ResultInfo) -> Found:
        kept, hidden = self.wanted.sort(logs)
        if hidden:
            total = max(0, info.total_count - hidden) if len(logs) > hidden else 0
            info = info.model_copy(update={"total_count": total})
        return Found(kept, info, len(logs) - hidden - len(kept))

    async def _sorted(self, gateway_id: str, page: int, per_page: int, key: str, *, is_descending: bool) -> Found:
        has_key = Filter(key="metadata.key", value=[key])
        total = (await self._page(gateway_id, 1, 1, "created_at", "desc", (has_key,))).info.total_count
        if total > MOST_ROWS:
            raise GatewayError(
                f"order_by metadata.{key[:80]} has to read every log with that key: {total:,} match, and at most "
                f"{MOST_ROWS:,} can be sorted. Narrow it with start_date or filters."
            )
        found = await self._whole(gateway_id, "created_at", "desc", has_key)
        values = {log.id: in_order(self.masker.masked(log.metadata).get(key)) for log in found.kept}
        logs = sorted(found.kept, key=lambda log: values[log.id], reverse=is_descending)
        return _part(logs, page, per_page)

    async def _whole(self, gateway_id: str, order_by: str, direction: str, *more: Filter) -> Found:
        """Return all matching logs."""
        read = partial(self._page, gateway_id, per_page=PAGE, order_by=order_by, direction=direction)
        first = await read(1, more=more)
        numbers = range(2, -(-first.info.total_count // PAGE) + 1)
        pages = [first, *await together([partial(read, number, more=more) for number in numbers])]
        return self._meant([log for held in pages for log in held.items], first.info)

    async def _page(
        self, gateway_id: str, page: int, per_page: int, order_by: str, direction: str, more: Sequence[Filter] = ()
    ) -> Page[Log]:
        return await self.gateway.logs(
            gateway_id,
            page=page,
            per_page=per_page,
            order_by=order_by,
            order_by_direction=direction,
            start_date=self.start_date,
            end_date=self.end_date,
            filters=[*self.wanted.filters, *more],
            search=self.search or None,
        )


def _part(logs: list[Log], page: int, per_page: int) -> Found:
    start = (page - 1) * per_page
    return Found(logs[start : start + per_page], ResultInfo(page=page, per_page=per_page, total_count=len(logs)))
