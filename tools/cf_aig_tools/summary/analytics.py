"""Reads analytics for the calls in a time range: figures by group, or for all calls only."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import anyio

from cf_aig_gateway.analytics import MOST_GROUPS, Dimension, Grouping, RequestGroup
from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.evaluations import MODELS
from cf_aig_tools.parameters import METADATA
from cf_aig_tools.summary.figures import (
    ASKERS,
    DIMENSIONS,
    GATEWAY,
    NONE,
    SESSION,
    Figures,
    labels,
    of_dimension,
    of_group,
    total,
)
from cf_aig_tools.summary.pages import Rows
from cf_aig_tools.summary.scope import Scope

ANALYTICS_S = 10.0
"""Seconds to wait for analytics."""

MINUTE = timedelta(minutes=1)
STEPS: tuple[tuple[timedelta, timedelta, Dimension], ...] = (
    (timedelta(hours=2), MINUTE, "datetimeMinute"),
    (timedelta(hours=10), 5 * MINUTE, "datetimeFiveMinutes"),
    (timedelta(days=6), 60 * MINUTE, "datetimeHour"),
    (timedelta.max, timedelta(days=1), "date"),
)
"""By maximum length of the time range: the bucket size, and what analytics call it."""

UNKNOWN = {SESSION: "sessions", "user": "users"}
"""Groups that analytics do not support, besides metadata."""

Groups = list[RequestGroup]


@dataclass(frozen=True)
class Question:
    """The scope of a summary, its grouping, and how much earlier the calls are that it is compared with."""

    scope: Scope
    by: str
    earlier: timedelta | None = None
    patience_s: float = ANALYTICS_S

    @property
    def is_of_labels(self) -> bool:
        """Whether the groups come from the calls themselves: client, session, user, or metadata."""
        return self.by in ASKERS or self.by.startswith(METADATA)

    @property
    def step(self) -> tuple[timedelta, Dimension]:
        """The bucket size in which changes are detected."""
        span = self.scope.end - self.scope.start
        return next((step, dimension) for longest, step, dimension in STEPS if span <= longest)


@dataclass(frozen=True)
class Analytics:
    """Groups now and earlier, and now by time if there are few enough; or why there are none.

    `evaluations` are guardrails' own calls now, which no group includes; when grouped by gateway, all calls to the
    evaluation model, which the groups do include.
    """

    now: Groups = field(default_factory=Groups)
    earlier: Groups = field(default_factory=Groups)
    timed: Groups = field(default_factory=Groups)
    totals: Sequence[Figures] = ()
    evaluations: Figures | None = None
    doubt: str = ""


async def asked(question: Question) -> Analytics:
    try:
        if dimension := DIMENSIONS.get(question.by):
            return await counted(question, (dimension,))
        return await added_up(question)
    except GatewayError as error:
        if question.by == GATEWAY:
            raise GatewayError(
                f"group_by=gateway needs analytics, which failed: {error} Instead: summarize_logs with each "
                "gateway_id from list_gateways."
            ) from error
        return Analytics(doubt=str(error))


async def counted(question: Question, by: tuple[Dimension, ...]) -> Analytics:
    scope, step = question.scope, question.step[1]
    earlier = [scope.earlier(question.earlier).grouping(*by)] if question.earlier else []
    evaluated = [scope.grouping(model_in=list(MODELS))] if question.by == GATEWAY else []
    timed, *more = await ask(question, [scope.grouping(*dict.fromkeys((*by, step))), *earlier, *evaluated])
    before = more[0] if earlier else []
    evaluations = total(map(of_group, more[-1])) if evaluated else None
    if len(timed) < MOST_GROUPS:
        return Analytics(timed, before, timed, evaluations=evaluations)
    (now,) = await ask(question, [scope.grouping(*by)])
    return Analytics(now, before, evaluations=evaluations)


async def labeled(question: Question, reads: Sequence[Rows]) -> Analytics | None:
    """Query figures for groups that come from the calls themselves; None if analytics do not cover all of them."""
    for by, names_all in labels(question.by):
        try:
            found = doubted(await counted(question, by), reads)
        except GatewayError:
            continue
        if max(len(found.now), len(found.earlier)) >= MOST_GROUPS:
            continue
        are_named = all(of_dimension(group, question.by) != NONE for group in (*found.now, *found.earlier))
        if not found.doubt and (are_named or not names_all):
            return found
    return None


async def added_up(question: Question) -> Analytics:
    """Query figures for all calls only."""
    scope = question.scope
    scopes = [scope, *([scope.earlier(question.earlier)] if question.earlier else [])]
    answers = await ask(question, [each.grouping() for each in scopes])
    totals = [total(map(of_group, groups)) for groups in answers]
    return Analytics(totals=totals, doubt=f"Analytics do not record {UNKNOWN.get(question.by, 'metadata')}.")


async def ask(question: Question, groupings: Sequence[Grouping | None]) -> list[Groups]:
    """Return the response of analytics.

    Raises:
        GatewayError: analytics failed or timed out.

    """
    known = [grouping for grouping in groupings if grouping]
    if len(known) < len(groupings):
        raise GatewayError("Analytics cannot apply these filters.")
    try:
        with anyio.fail_after(question.patience_s):
            return await question.scope.gateway.request_groups(question.scope.gateway_id, known)
    except TimeoutError:
        raise GatewayError(f"Analytics did not respond within {question.patience_s:g} s.") from None


async def without_evaluations(question: Question, analytics: Analytics, reads: Sequence[Rows]) -> Analytics:
    """Query again without calls to the evaluation model, and count those calls."""
    if analytics.doubt and not analytics.totals:
        return analytics
    if any(row.log.model in MODELS for rows in reads for row in rows.rows):
        return Analytics(doubt="Analytics cannot tell guardrails evaluations from other calls to their model.")
    try:
        (evaluated,) = await ask(question, [replace(question.scope, without=()).grouping(model_in=list(MODELS))])
    except GatewayError as error:
        return Analytics(doubt=str(error))
    return replace(await asked(question), evaluations=total(map(of_group, evaluated)))


def doubted(analytics: Analytics, reads: Sequence[Rows]) -> Analytics:
    """Return the same, marked as doubtful if it counts fewer calls than there are logs: an empty answer is not zero."""
    if any(figures.calls < len(rows.rows) for figures, rows in zip(analytics.totals, reads, strict=False)):
        return replace(analytics, totals=())
    for groups, rows in zip((analytics.now, analytics.earlier), reads, strict=False):
        counted = sum(group.count for group in groups)
        if not analytics.doubt and counted < len(rows.rows):
            words = f"Analytics have {counted:,} of {rows.total:,} calls so far: they lag by minutes."
            return replace(analytics, doubt=words)
    return analytics
