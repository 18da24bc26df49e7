"""Reads logs page by page: all of them, or a sample from every part of the time range."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from statistics import pstdev

import anyio

from cf_aig_gateway.answers import Page
from cf_aig_gateway.models import Log
from cf_aig_tools.amounts import counted
from cf_aig_tools.evaluations import is_evaluation
from cf_aig_tools.progress import say
from cf_aig_tools.side_by_side import together
from cf_aig_tools.summary.scope import PAGE, Scope

MOST_ROWS = 1000


@dataclass(frozen=True)
class Row:
    """A log that was read, and how many logs of its part of the time range it represents."""

    log: Log
    weight: float = 1


@dataclass(frozen=True)
class Rows:
    """The logs read out of `total`, newest first, and whether these are all; guardrails evaluations are separate."""

    rows: Sequence[Row]
    total: int
    notes: tuple[str, ...] = ()
    are_all: bool = True
    evaluations: Sequence[Row] = ()

    def coverage(self) -> str:
        """Say how many logs were read, and of how many."""
        if not self.are_all:
            return f"{len(self.rows):,} of {counted(self.total, 'log')}"
        return f"all {counted(len(self.rows), 'log')}" if len(self.rows) > 1 else "the only log"


def spread(rows: Sequence[Row]) -> float:
    """Return the relative error of a cost total estimated from logs, at 95 %."""
    costs = [row.log.cost or 0 for row in rows]
    mean = sum(costs) / (len(costs) or 1)
    return 1.96 * pstdev(costs) / math.sqrt(len(costs)) / mean if mean else 0


MOST_EXACT = 10_000
"""Maximum logs that are all read if totals are available nowhere else: 200 of the 1,200 requests in 5 minutes."""

PATIENCE_S = 20.0
"""Time limit for reading them, in seconds."""


async def read_every(scope: Scope, sample: Rows) -> Rows:
    """Return all logs of a scope, given a sample of it; the sample if there are too many or reading is too slow."""
    if sample.are_all or sample.total > MOST_EXACT:
        return sample
    with anyio.move_on_after(PATIENCE_S):
        logs = {log.id: log for log in await _every(scope, [0])}
        found = Rows([Row(log) for log in logs.values()], len(logs), sample.notes)
        return found if scope.is_of_evaluations else _apart(found)
    return sample


async def _every(scope: Scope, read: list[int]) -> list[Log]:
    """Return all logs of a scope, newest first; sources with large pages but limited paging are read in halves."""
    size = scope.gateway.most_per_page
    first = await scope.page(1, size)
    total = first.info.total_count
    logs = [first]

    async def further(number: int) -> Page[Log]:
        page = await scope.page(number, size)
        read[0] += len(page.items)
        say(f"read {read[0]:,} of {total:,} logs")
        return page

    if total > size >= MOST_ROWS:
        return [log for part in scope.parts(2) for log in await _every(part, read)]
    logs += await together([partial(further, number) for number in range(2, -(-total // size) + 1)])
    return [log for page in logs for log in page.items]


async def read_rows(scope: Scope) -> Rows:
    """Return the logs of a scope; if there are more than MOST_ROWS, the newest of each of several equal parts."""
    first = await _page(scope, 1)
    total = first.info.total_count
    if total > MOST_ROWS:
        rows = await _spread(scope)
    elif total > PAGE and scope.gateway.most_per_page >= MOST_ROWS:
        rows = [Row(log) for log in (await scope.page(1, MOST_ROWS)).items]
    else:
        numbers = range(2, -(-total // PAGE) + 1)
        pages = [first, *await together([partial(_page, scope, number) for number in numbers])]
        rows = [Row(log) for log in {log.id: log for page in pages for log in page.items}.values()]
    are_all = total <= MOST_ROWS
    found = Rows(rows, len(rows) if are_all and scope.wanted.is_checked else total, first.notes, are_all)
    return found if scope.is_of_evaluations else _apart(found)


def _apart(found: Rows) -> Rows:
    """Return the same with guardrails evaluations separated, because they are not user calls."""
    evaluations = [row for row in found.rows if is_evaluation(row.log)]
    if not evaluations:
        return found
    users = [row for row in found.rows if not is_evaluation(row.log)]
    others = round(sum(row.weight for row in evaluations))
    return replace(found, rows=users, total=found.total - others, evaluations=evaluations)


async def _spread(scope: Scope) -> list[Row]:
    parts = scope.parts(MOST_ROWS // PAGE)
    pages = await together([partial(_page, part, 1) for part in parts])
    held, sizes = [list(page.items) for page in pages], [page.info.total_count for page in pages]
    further = list(islice(_further(sizes), sizes.count(0)))
    more = await together([partial(_page, parts[at], number) for at, number in further])
    for (at, _), page in zip(further, more, strict=True):
        held[at] += page.items
    return [Row(log, size / len(logs)) for logs, size in zip(held, sizes, strict=True) for log in logs]


def _further(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the pages after the first for parts with this many logs, as (part, page), alternating between parts."""
    for number in range(2, -(-max(sizes) // PAGE) + 1):
        yield from ((at, number) for at, size in enumerate(sizes) if size > PAGE * (number - 1))


async def _page(scope: Scope, number: int) -> Page[Log]:
    say("reading logs")
    return await scope.page(number)
