"""Which logs list_logs is asked for, and a page of them in the order asked for."""

import json
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


@dataclass(frozen=True)
class Found:
    """The logs of a page that are meant, and how many others the API gave with them."""

    kept: list[Log]
    info: ResultInfo
    dropped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def has_more(self) -> bool:
        """Whether there are later pages."""
        return self.info.page * self.info.per_page < self.info.total_count


@dataclass(frozen=True)
class Asked:
    """What logs must meet. Dates are as the API takes them.

    The API compares what is stored: a log that holds what is asked for in what `masker` hides is left out, so that no
    search tells whether a guess at a secret is right.
    """

    gateway: AIGateway
    wanted: Wanted
    start_date: str | None
    end_date: str | None
    search: str
    masker: Masker

    @property
    def is_narrow(self) -> bool:
        """Whether some logs of a gateway may not be meant."""
        return bool(self.wanted.filters or self.search or self.start_date or self.end_date)

    async def count(self, gateway_id: str) -> int:
        """Return how many logs of a gateway match, keys and values of metadata apart."""
        found = await self._page(gateway_id, 1, 1, "created_at", "desc")
        return self._meant(found.items, found.info).info.total_count

    async def unknown_key(self, gateway_id: str) -> str:
        """Return, in a sentence, that no recent log has a metadata key that is asked for, and which keys there are."""
        names = [test.name for test in self.wanted.tests]
        recent = (await self.gateway.logs(gateway_id, per_page=PAGE)).items if names else []
        try:
            for name in names:
                refuse_unknown_key(recent, name)
        except GatewayError as error:
            return f" Of the newest {counted(len(recent), 'log')}: {error}"
        return ""

    async def ordered(self, gateway_id: str, page: int, per_page: int, order_by: str, direction: str) -> Found:
        """Return a page of logs; those ordered by a metadata key are the ones that have it."""
        if key := metadata_key(order_by):
            return await self._sorted(gateway_id, page, per_page, key, is_descending=direction == "desc")
        found = await self._page(gateway_id, page, per_page, order_by, direction)
        return replace(self._meant(found.items, found.info), notes=found.notes)

    async def newest(self, gateway_id: str, page: int, start_date: str | None) -> tuple[Page[Log], Found]:
        """Return a page of 50 logs, newest first, from a date on: as the API returned it, and those that match."""
        start = max(filter(None, (start_date, self.start_date)), default=None)
        found = await replace(self, start_date=start)._page(gateway_id, page, PAGE, "created_at", "desc")
        return found, self._meant(found.items, found.info)

    def _meant(self, logs: list[Log], info: ResultInfo) -> Found:
        texts = [text for text in (self.search, *self._values) if text]
        shown = [log for log in logs if not self._confirms(log, texts)] if texts else logs
        if hidden := len(logs) - len(shown):
            info = info.model_copy(update={"total_count": max(0, info.total_count - hidden) if shown else 0})
        kept = [log for log in shown if self.wanted.holds(log)]
        return Found(kept, info, len(shown) - len(kept))

    @property
    def _values(self) -> list[str]:
        """What is asked of logs; true, false and null are no guesses."""
        values = [value for each in self.wanted.filters for value in each.value]
        return [str(value) for value in values if value is not None and not isinstance(value, bool)]

    def _confirms(self, log: Log, texts: Sequence[str]) -> bool:
        """Whether a log holds what is asked for in a secret alone."""
        stored = log.model_dump(mode="json")
        masked = self.masker.masked(stored)
        if masked is stored:
            return False
        before, after = (json.dumps(value, ensure_ascii=False).lower() for value in (stored, masked))
        asked = [json.dumps(text, ensure_ascii=False)[1:-1].lower() for text in texts]
        return any(text in before and text not in after for text in asked)

    async def _sorted(self, gateway_id: str, page: int, per_page: int, key: str, *, is_descending: bool) -> Found:
        has_key = Filter(key="metadata.key", value=[key])
        first = await self._page(gateway_id, 1, PAGE, "created_at", "desc", has_key)
        total = first.info.total_count
        if total > MOST_ROWS:
            raise GatewayError(
                f"order_by metadata.{key[:80]} reads every log with that key: {total:,} match, at most {MOST_ROWS:,} "
                "are sorted. Ask for less with start_date or filters."
            )
        numbers = range(2, -(-total // PAGE) + 1)
        reads = [partial(self._page, gateway_id, number, PAGE, "created_at", "desc", has_key) for number in numbers]
        pages = [first, *await together(reads)]
        found = self._meant([log for held in pages for log in held.items], first.info)
        logs = sorted(found.kept, key=lambda log: in_order(log.metadata.get(key)), reverse=is_descending)
        start = (page - 1) * per_page
        info = ResultInfo(page=page, per_page=per_page, total_count=len(logs))
        return Found(logs[start : start + per_page], info)

    async def _page(
        self, gateway_id: str, page: int, per_page: int, order_by: str, direction: str, *more: Filter
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
