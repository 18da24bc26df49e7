"""Where figures come from: analytics, which count every call, and logs that are read."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio

from cf_aig_gateway.analytics import MOST_GROUPS, Dimension, Grouping, RequestGroup
from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.log_rows import when
from cf_aig_tools.summary.figures import DIMENSIONS, SLICES, Figures, by_log, of_dimension, of_group, of_row, total
from cf_aig_tools.summary.pages import Row, Rows, first_error, read_rows, together
from cf_aig_tools.summary.scope import Scope

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

Timeline = dict[str, dict[datetime, Figures]]
"""The figures of each group by the start of each stretch of time; of all calls as group `` for SLICES."""

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
    held: dict[str, list[Row]]
    groups: dict[str, Figures]


@dataclass(frozen=True)
class Analytics:
    """The groups now, which may be parted by time, those by time, and those earlier; or why there are none."""

    now: Groups = field(default_factory=Groups)
    timed: Groups = field(default_factory=Groups)
    earlier: Groups = field(default_factory=Groups)
    doubt: str = ""


@dataclass(frozen=True)
class Sources:
    """What is known of the calls now and earlier; `doubt` says why figures are not from analytics, if they are not."""

    now: Reading
    failed: Rows
    earlier: Reading | None
    timeline: Timeline
    doubt: str = ""


async def read_sources(question: Question) -> Sources:
    """Ask analytics and read logs, all at once."""
    analytics = Analytics()
    scopes = [question.scope, question.scope.failures()]
    if question.earlier:
        scopes.append(question.scope.earlier(question.earlier))

    async def ask_analytics() -> None:
        nonlocal analytics
        analytics = await _analytics(question)

    reads: list[Rows] = []
    with first_error():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask_analytics)
            reads = await together([partial(read_rows, scope) for scope in scopes])
    read, failed, *before = reads
    return _sources(question, _doubted(analytics, read, *before), read, failed, *before)


async def _analytics(question: Question) -> Analytics:
    if not (dimension := DIMENSIONS.get(question.by)):
        return Analytics(doubt="Analytics know no metadata.")
    scope = question.scope
    asked = [scope.grouping(*dict.fromkeys((dimension, question.step[1])))]
    if question.earlier:
        asked.append(scope.earlier(question.earlier).grouping(dimension))
    try:
        timed, *earlier = await ask(question, asked)
        now = timed if len(timed) < MOST_GROUPS else (await ask(question, [scope.grouping(dimension)]))[0]
    except GatewayError as error:
        return Analytics(doubt=str(error))
    return Analytics(now, timed, earlier[0] if earlier else [])


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


def _doubted(analytics: Analytics, read: Rows, before: Rows | None = None) -> Analytics:
    """Return the same, in doubt where it counts fewer calls than there are logs: an empty answer is not zero."""
    for groups, rows in ((analytics.now, read), (analytics.earlier, before)):
        counted = sum(group.count for group in groups)
        if rows and not analytics.doubt and counted < len(rows.rows):
            words = f"Analytics hold {counted:,} of {rows.total:,} calls so far: they lag by minutes."
            return replace(analytics, doubt=words)
    return analytics


def _sources(question: Question, analytics: Analytics, read: Rows, failed: Rows, before: Rows | None = None) -> Sources:
    by, earlier, is_counted = question.by, question.earlier, not analytics.doubt
    now = _reading(by, read, analytics.now if is_counted else None)
    held = {"": read.rows} if by in SLICES else now.held
    return Sources(
        now,
        failed,
        _reading(by, before, analytics.earlier if is_counted else None, earlier) if before else None,
        _timeline(question, analytics.timed)
        if is_counted
        else {name: over_time(rows, question.step[0]) for name, rows in held.items()},
        analytics.doubt,
    )


def _reading(by: str, rows: Rows, groups: Groups | None, earlier: timedelta | None = None) -> Reading:
    """Return what calls add up to by analytics; `groups` None: by the logs that were read."""
    later = earlier or timedelta()
    held = by_log(rows.rows, by, later)
    if groups is not None:
        return Reading(rows, held, _by_name(groups, by, later))
    return Reading(
        rows, held, {name: total(of_row(row.log, row.weight) for row in some) for name, some in held.items()}
    )


def _by_name(groups: Groups, by: str, later: timedelta) -> dict[str, Figures]:
    """Return the figures of groups, those of one name together."""
    named: dict[str, Figures] = defaultdict(Figures)
    for group in groups:
        named[of_dimension(group, by, later)] += of_group(group)
    return named


def _timeline(question: Question, groups: Groups) -> Timeline:
    """Return the figures of groups over time; none where there were too many for all to be sent."""
    timeline: dict[str, dict[datetime, Figures]] = defaultdict(lambda: defaultdict(Figures))
    for group in groups if len(groups) < MOST_GROUPS else ():
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
    return datetime.fromisoformat(str(group.dimensions[dimension])).replace(tzinfo=UTC)
