"""Where figures come from: analytics, which count every call, and logs that are read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio

from cf_aig_gateway.analytics import MOST_GROUPS, Dimension, Grouping, RequestGroup
from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.evaluations import MODELS
from cf_aig_tools.log_rows import when
from cf_aig_tools.side_by_side import first_error, together
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
from cf_aig_tools.summary.pages import Row, Rows, read_rows
from cf_aig_tools.summary.scope import Scope
from cf_aig_tools.summary.session_rows import with_sessions

ANALYTICS_S = 10.0
"""How long analytics are waited for."""

MINUTE = timedelta(minutes=1)
STEPS: tuple[tuple[timedelta, timedelta, Dimension], ...] = (
    (timedelta(hours=2), MINUTE, "datetimeMinute"),
    (timedelta(hours=10), 5 * MINUTE, "datetimeFiveMinutes"),
    (timedelta(days=6), 60 * MINUTE, "datetimeHour"),
    (timedelta.max, timedelta(days=1), "date"),
)
"""For spans up to a length: how long the stretches of time are that are compared, and what analytics call them."""

UNKNOWN = {SESSION: "sessions", "user": "users"}
"""Groups that analytics do not know, besides metadata."""

Timeline = Mapping[str, Mapping[datetime, Figures]]
"""The figures of each group by the start of each stretch of time; for SLICES of all calls as group ``."""

Groups = list[RequestGroup]


@dataclass(frozen=True)
class Question:
    """What is asked of a scope: in which groups, and against calls of how much earlier."""

    scope: Scope
    by: str
    earlier: timedelta | None = None
    patience_s: float = ANALYTICS_S

    @property
    def step(self) -> tuple[timedelta, Dimension]:
        """The stretch of time that changes are looked for by."""
        span = self.scope.end - self.scope.start
        return next((step, dimension) for longest, step, dimension in STEPS if span <= longest)


@dataclass(frozen=True)
class Reading:
    """What a span of calls adds up to in groups, and the logs that were read of it and of each group."""

    rows: Rows
    held: Mapping[str, Sequence[Row]]
    groups: Mapping[str, Figures]

    def series(self, by: str) -> Mapping[str, Sequence[Row]]:
        """Return the logs in which changes are looked for: of each group, or for SLICES all of them as group ``."""
        return {"": self.rows.rows} if by in SLICES else self.held


@dataclass(frozen=True)
class Analytics:
    """Groups now and earlier, and now by time when those are not too many; or why there are none.

    `evaluations` are guardrails' own calls now, which are in none of the groups; of gateways, all calls of the model
    that evaluates, which are.
    """

    now: Groups = field(default_factory=Groups)
    earlier: Groups = field(default_factory=Groups)
    timed: Groups = field(default_factory=Groups)
    totals: Sequence[Figures] = ()
    evaluations: Figures | None = None
    doubt: str = ""


@dataclass(frozen=True)
class Sources:
    """What is known of the calls now and earlier; `doubt` says why figures are not from analytics, if they are not.

    `totals` are analytics' figures of all calls now, and earlier, where groups are made by what they do not know.
    `evaluations` are guardrails' own calls now, which all else leaves out; `question` asks without them.
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
    """Ask analytics and read logs, all at once."""
    scope, analytics = question.scope, Analytics()
    scopes = [scope.failures(), scope, *([scope.earlier(question.earlier)] if question.earlier else [])]

    async def ask_analytics() -> None:
        nonlocal analytics
        analytics = await _analytics(question)

    reads = [Rows((), 0, are_all=False) for _ in scopes]
    with first_error():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask_analytics)
            if question.by != GATEWAY:
                reads = await together([partial(read_rows, part) for part in scopes])
            if question.by == SESSION:
                reads = await with_sessions(scope, reads)
    if any(rows.evaluations for rows in reads[1:]):
        question = replace(question, scope=replace(scope, without=MODELS))
        analytics = await _without_evaluations(question, analytics, reads[1:])
    return _sources(question, _doubted(analytics, reads[1:]), reads)


async def _without_evaluations(question: Question, analytics: Analytics, reads: Sequence[Rows]) -> Analytics:
    """Ask analytics again, without the calls of the model that evaluates, and how many those are."""
    if analytics.doubt and not analytics.totals:
        return analytics
    if any(row.log.model in MODELS for rows in reads for row in rows.rows):
        return Analytics(doubt="Analytics cannot tell guardrails' evaluations from other calls of their model.")
    try:
        (evaluated,) = await ask(question, [replace(question.scope, without=()).grouping(model_in=list(MODELS))])
    except GatewayError as error:
        return Analytics(doubt=str(error))
    return replace(await _analytics(question), evaluations=total(map(of_group, evaluated)))


async def _analytics(question: Question) -> Analytics:
    try:
        if dimension := DIMENSIONS.get(question.by):
            return await _counted(question, dimension)
        return await _added_up(question)
    except GatewayError as error:
        if question.by == GATEWAY:
            raise GatewayError(
                f"group_by=gateway is told by analytics alone, and they did not tell: {error} "
                "Without them: summarize_logs with each gateway_id of list_gateways."
            ) from error
        return Analytics(doubt=str(error))


async def _counted(question: Question, dimension: Dimension) -> Analytics:
    scope, step = question.scope, question.step[1]
    earlier = [scope.earlier(question.earlier).grouping(dimension)] if question.earlier else []
    evaluated = [scope.grouping(model_in=list(MODELS))] if question.by == GATEWAY else []
    timed, *more = await ask(question, [scope.grouping(*dict.fromkeys((dimension, step))), *earlier, *evaluated])
    before = more[0] if earlier else []
    evaluations = total(map(of_group, more[-1])) if evaluated else None
    if len(timed) < MOST_GROUPS:
        return Analytics(timed, before, timed, evaluations=evaluations)
    (now,) = await ask(question, [scope.grouping(dimension)])
    return Analytics(now, before, evaluations=evaluations)


async def _added_up(question: Question) -> Analytics:
    """Ask for the figures of all calls alone."""
    scope = question.scope
    scopes = [scope, *([scope.earlier(question.earlier)] if question.earlier else [])]
    answers = await ask(question, [each.grouping() for each in scopes])
    totals = [total(map(of_group, groups)) for groups in answers]
    return Analytics(totals=totals, doubt=f"Analytics know no {UNKNOWN.get(question.by, 'metadata')}.")


async def ask(question: Question, groupings: Sequence[Grouping | None]) -> list[Groups]:
    """Return what analytics answer.

    Raises:
        GatewayError: they do not, or not in time.

    """
    known = [grouping for grouping in groupings if grouping]
    if len(known) < len(groupings):
        raise GatewayError("Analytics cannot tell what these filters ask for.")
    try:
        with anyio.fail_after(question.patience_s):
            return await question.scope.gateway.request_groups(question.scope.gateway_id, known)
    except TimeoutError:
        raise GatewayError(f"Analytics did not answer within {question.patience_s:g} s.") from None


def _doubted(analytics: Analytics, reads: Sequence[Rows]) -> Analytics:
    """Return the same, in doubt where it counts fewer calls than there are logs: an empty answer is not zero."""
    if any(figures.calls < len(rows.rows) for figures, rows in zip(analytics.totals, reads, strict=False)):
        return replace(analytics, totals=())
    for groups, rows in zip((analytics.now, analytics.earlier), reads, strict=False):
        counted = sum(group.count for group in groups)
        if not analytics.doubt and counted < len(rows.rows):
            words = f"Analytics hold {counted:,} of {rows.total:,} calls so far: they lag by minutes."
            return replace(analytics, doubt=words)
    return analytics


def _sources(question: Question, analytics: Analytics, reads: Sequence[Rows]) -> Sources:
    failed, read, *before = reads
    by, later = question.by, question.earlier or timedelta()
    now = Reading(read, by_log(read.rows, by), _of_groups(analytics.now, by))
    earlier = [Reading(rows, by_log(rows.rows, by, later), _of_groups(analytics.earlier, by, later)) for rows in before]
    timeline = _timeline(question, analytics.timed)
    if analytics.doubt:
        now = replace(now, groups=_of_rows(by_log(_weighed(read, failed), by)))
        earlier = [replace(reading, groups=_of_rows(reading.held)) for reading in earlier]
        timeline = {name: over_time(rows, question.step[0]) for name, rows in now.series(by).items()}
    totals = () if read.are_all and all(rows.are_all for rows in before) else analytics.totals
    evaluations = total(of_row(row.log, row.weight) for row in read.evaluations)
    if analytics.evaluations and not read.are_all:
        evaluations = analytics.evaluations
    return Sources(
        question, now, earlier[0] if earlier else None, timeline, failed, totals, evaluations, analytics.doubt
    )


def _weighed(read: Rows, failed: Rows) -> list[Row]:
    """Return logs that stand for all: failures are read apart, so their number is known."""
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
    """Return the figures of logs by the start of each stretch of time."""
    times: dict[datetime, Figures] = defaultdict(Figures)
    for row in rows:
        if at := when(row.log):
            times[floored(at, step)] += of_row(row.log)
    return times


def floored(at: datetime, step: timedelta) -> datetime:
    """Return the start of the stretch of time that a time is in."""
    return at - (at - datetime.min.replace(tzinfo=UTC)) % step


def time_of(group: RequestGroup, dimension: Dimension) -> datetime:
    """Return the start of the stretch of time that a group is of."""
    at = datetime.fromisoformat(str(group.dimensions[dimension]))
    return at if at.tzinfo else at.replace(tzinfo=UTC)
