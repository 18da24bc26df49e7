"""Figures over time, for charts: from logs if all were read, otherwise from analytics."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cf_aig_gateway.analytics import Dimension
from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.amounts import spent
from cf_aig_tools.drawing import seconds_of
from cf_aig_tools.log_rows import when
from cf_aig_tools.summary.analytics import Groups, ask
from cf_aig_tools.summary.figures import Figures, of_group, of_row, percentiles, total
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.summary.scope import Scope
from cf_aig_tools.summary.sources import Question, Sources, floored, time_of, weighed

MOST = 200
"""The most time buckets."""

WIDTHS = [
    timedelta(seconds=seconds)
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
] + [timedelta(days=days) for days in (1, 2, 7, 14, 28, 91, 364)]
DIMENSIONS: tuple[tuple[timedelta, Dimension], ...] = (
    (timedelta(days=1), "date"),
    (timedelta(hours=1), "datetimeHour"),
    (timedelta(minutes=5), "datetimeFiveMinutes"),
    (timedelta(minutes=1), "datetimeMinute"),
)


@dataclass(frozen=True)
class Series:
    """Figures by time bucket: `t` has the starts (seconds since 1970); p50 and p95 are in seconds, cost in US dollars.

    All have the same length. Buckets without a call that was read have no percentile.
    """

    t: list[float]
    calls: list[int]
    failed: list[int]
    cached: list[int]
    cost: list[float]
    tokens_in: list[int]
    tokens_out: list[int]
    p50: list[float | None]
    p95: list[float | None]


@dataclass(frozen=True)
class Axis:
    """The time buckets of a span."""

    start: datetime
    width: timedelta
    count: int

    def number(self, at: datetime) -> int:
        """Return the bucket of a time. Times outside count as the first or the last."""
        return min(max(0, (at - self.start) // self.width), self.count - 1)


def axis_of(scope: Scope, *, least: timedelta) -> Axis:
    """Return at most MOST buckets of a span, none shorter than `least`, each starting at a round time."""
    span = scope.end - scope.start
    fitting = (width for width in WIDTHS if width >= least and span <= MOST * width)
    width = next(fitting, WIDTHS[-1] * math.ceil(span / (MOST * WIDTHS[-1])))
    start = floored(scope.start, width)
    return Axis(start, width, max(1, math.ceil((scope.end - start) / width)))


async def series_of(sources: Sources) -> tuple[Axis, Series, Series | None]:
    """Return the buckets, the figures of each now, and those of the calls they are compared with."""
    question, now, before = sources.question, sources.now.rows, sources.earlier and sources.earlier.rows
    later = question.earlier or timedelta()
    is_exact = now.are_all and (before is None or before.are_all)
    axis = axis_of(question.scope, least=WIDTHS[0] if is_exact else timedelta(minutes=1))
    figures = None if is_exact else await _counted(question, axis, later)
    if figures is None:
        figures = [_added(weighed(now, sources.failed), axis), _added(before.rows, axis, later) if before else {}]
    return (
        axis,
        _series(axis, figures[0], _numbered(now.rows, axis)),
        _series(axis, figures[1], _numbered(before.rows, axis, later), later) if before else None,
    )


async def _counted(question: Question, axis: Axis, later: timedelta) -> list[dict[int, Figures]] | None:
    """Query analytics for the figures now and earlier; None if they have none."""
    dimension: Dimension = next(name for step, name in DIMENSIONS if axis.width % step == timedelta())
    scopes = [question.scope, *([question.scope.earlier(later)] if later else [])]
    try:
        answers = await ask(question, [scope.grouping(dimension) for scope in scopes])
    except GatewayError:
        return None

    def added(groups: Groups, later: timedelta) -> dict[int, Figures]:
        return _totals([(axis.number(time_of(group, dimension) + later), of_group(group)) for group in groups])

    return [added(answers[0], timedelta()), added(answers[1], later) if later else {}]


def _added(rows: Sequence[Row], axis: Axis, later: timedelta = timedelta()) -> dict[int, Figures]:
    numbered = _numbered(rows, axis, later)
    return {number: total(of_row(row.log, row.weight) for row in held) for number, held in numbered.items()}


def _totals(parts: Sequence[tuple[int, Figures]]) -> dict[int, Figures]:
    found: dict[int, Figures] = defaultdict(Figures)
    for number, figures in parts:
        found[number] += figures
    return found


def _numbered(rows: Sequence[Row], axis: Axis, later: timedelta = timedelta()) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if at := when(row.log):
            found[axis.number(at + later)].append(row)
    return found


def _series(
    axis: Axis, figures: Mapping[int, Figures], rows: Mapping[int, Sequence[Row]], later: timedelta = timedelta()
) -> Series:
    each = [figures.get(number, Figures()) for number in range(axis.count)]
    times = [percentiles(rows.get(number, ())) for number in range(axis.count)]

    def counts(of: Callable[[Figures], float]) -> list[int]:
        return [round(of(one)) for one in each]

    return Series(
        t=[seconds_of(axis.start - later + number * axis.width) for number in range(axis.count)],
        calls=counts(lambda one: one.calls),
        failed=counts(lambda one: one.failed),
        cached=counts(lambda one: one.cached),
        cost=[spent(one.cost) for one in each],
        tokens_in=counts(lambda one: one.tokens_in),
        tokens_out=counts(lambda one: one.tokens_out),
        p50=[_seconds(p50) for p50, _ in times],
        p95=[_seconds(p95) for _, p95 in times],
    )


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds / 1000, 3)
