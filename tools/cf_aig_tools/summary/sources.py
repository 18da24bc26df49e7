"""Combines the sources of figures: analytics, which count every call, and logs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio

from cf_aig_gateway.analytics import Dimension, RequestGroup
from cf_aig_tools.evaluations import MODELS
from cf_aig_tools.log_rows import when
from cf_aig_tools.side_by_side import first_error, together
from cf_aig_tools.summary.analytics import (
    Analytics,
    Groups,
    Question,
    asked,
    doubted,
    labeled,
    without_evaluations,
)
from cf_aig_tools.summary.figures import (
    DIMENSIONS,
    GATEWAY,
    SESSION,
    SLICES,
    Figures,
    by_log,
    of_dimension,
    of_group,
    of_row,
    total,
)
from cf_aig_tools.summary.pages import Row, Rows, read_every, read_rows
from cf_aig_tools.summary.scope import Scope
from cf_aig_tools.summary.session_rows import with_sessions

Timeline = Mapping[str, Mapping[datetime, Figures]]
"""Each group's figures by bucket start; for SLICES, all calls as group ``."""


@dataclass(frozen=True)
class Reading:
    """The totals of a time range by group, and the logs that were read, overall and by group."""

    rows: Rows
    held: Mapping[str, Sequence[Row]]
    groups: Mapping[str, Figures]

    def series(self, by: str) -> Mapping[str, Sequence[Row]]:
        """Return the logs in which changes are detected: by group, or for SLICES all of them as group ``."""
        return {"": self.rows.rows} if by in SLICES else self.held


@dataclass(frozen=True)
class Sources:
    """What is known about the calls now and earlier; `doubt` says why figures are not from analytics.

    `totals` are analytics' figures for all calls, now and earlier, if analytics do not support the grouping.
    `evaluations` are guardrails' own calls now, which everything else leaves out; `question` leaves them out of its
    queries.
    """

    question: Question
    now: Reading
    earlier: Reading | None
    timeline: Timeline
    failed: Rows
    totals: Sequence[Figures] = ()
    evaluations: Figures = Figures()  # noqa: RUF009 (it cannot change)
    doubt: str = ""


async def read_sources(question: Question) -> Sources:
    """Query analytics and read logs concurrently."""
    scope, analytics = question.scope, Analytics()
    scopes = [scope.failures(), scope, *([scope.earlier(question.earlier)] if question.earlier else [])]

    async def ask_analytics() -> None:
        nonlocal analytics
        analytics = await asked(question)

    reads = [Rows((), 0, are_all=False) for _ in scopes]
    with first_error():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask_analytics)
            if question.by != GATEWAY:
                reads = await together([partial(read_rows, part) for part in scopes])
    if any(rows.evaluations for rows in reads[1:]):
        question = replace(question, scope=replace(scope, without=MODELS))
        analytics = await without_evaluations(question, analytics, reads[1:])
    if question.is_of_labels and not all(rows.are_all for rows in reads[1:]):
        analytics, reads = await _of_all(question, scopes, analytics, reads)
    if question.by == SESSION:
        reads = await with_sessions(scope, reads)
    return _sources(question, doubted(analytics, reads[1:]), reads)


async def _of_all(
    question: Question, scopes: Sequence[Scope], analytics: Analytics, reads: Sequence[Rows]
) -> tuple[Analytics, list[Rows]]:
    """Return exact figures: from analytics, or else from all logs if there are not too many."""
    if question.by not in DIMENSIONS and (found := await labeled(question, reads[1:])):
        return replace(found, evaluations=analytics.evaluations), list(reads)
    if question.by in DIMENSIONS and not doubted(analytics, reads[1:]).doubt:
        return analytics, list(reads)
    failed, *others = reads
    return analytics, [failed, *[await read_every(part, rows) for part, rows in zip(scopes[1:], others, strict=True)]]


def _sources(question: Question, analytics: Analytics, reads: Sequence[Rows]) -> Sources:
    failed, read, *before = reads
    by, later = question.by, question.earlier or timedelta()
    now = Reading(read, by_log(read.rows, by), _of_groups(analytics.now, by))
    earlier = [Reading(rows, by_log(rows.rows, by, later), _of_groups(analytics.earlier, by, later)) for rows in before]
    timeline = _timeline(question, analytics.timed)
    if analytics.doubt:
        now = replace(now, groups=_of_rows(by_log(weighed(read, failed), by)))
        earlier = [replace(reading, groups=_of_rows(reading.held)) for reading in earlier]
        timeline = {name: over_time(rows, question.step[0]) for name, rows in now.series(by).items()}
    totals = () if read.are_all and all(rows.are_all for rows in before) else analytics.totals
    evaluations = total(of_row(row.log, row.weight) for row in read.evaluations)
    if analytics.evaluations and not read.are_all:
        evaluations = analytics.evaluations
    return Sources(
        question, now, earlier[0] if earlier else None, timeline, failed, totals, evaluations, analytics.doubt
    )


def weighed(read: Rows, failed: Rows) -> list[Row]:
    """Return a sample of logs. Failures are read separately, so their number is exact."""
    if read.are_all:
        return list(read.rows)
    others = [row for row in read.rows if row.log.success is not False]
    scale = (read.total - failed.total) / (sum(row.weight for row in others) or 1)
    scaled = failed.total / (sum(row.weight for row in failed.rows) or 1)
    return [
        *(replace(row, weight=row.weight * scale) for row in others),
        *(replace(row, weight=row.weight * scaled) for row in failed.rows),
    ]


def _of_rows(held: Mapping[str, Sequence[Row]]) -> dict[str, Figures]:
    return {name: total(of_row(row.log, row.weight) for row in rows) for name, rows in held.items()}


def _of_groups(groups: Groups, by: str, later: timedelta = timedelta()) -> dict[str, Figures]:
    figures: dict[str, Figures] = defaultdict(Figures)
    for group in groups:
        figures[of_dimension(group, by, later)] += of_group(group)
    return figures


def _timeline(question: Question, groups: Groups) -> Timeline:
    timeline: dict[str, dict[datetime, Figures]] = defaultdict(lambda: defaultdict(Figures))
    for group in groups:
        name = "" if question.by in SLICES else of_dimension(group, question.by)
        timeline[name][time_of(group, question.step[1])] += of_group(group)
    return timeline


def over_time(rows: Iterable[Row], step: timedelta) -> dict[datetime, Figures]:
    """Return the figures of logs by bucket start."""
    times: dict[datetime, Figures] = defaultdict(Figures)
    for row in rows:
        if at := when(row.log):
            times[floored(at, step)] += of_row(row.log)
    return times


def floored(at: datetime, step: timedelta) -> datetime:
    """Return the start of the bucket that contains a time."""
    return at - (at - datetime.min.replace(tzinfo=UTC)) % step


def time_of(group: RequestGroup, dimension: Dimension) -> datetime:
    """Return the start of the bucket that a group names."""
    at = datetime.fromisoformat(str(group.dimensions[dimension]))
    return at if at.tzinfo else at.replace(tzinfo=UTC)
