"""Dates the start or end of a change to the minute, within the buckets in which it was found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cf_aig_gateway.analytics import Grouping
from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.summary.analytics import MINUTE, Groups, Question, ask
from cf_aig_tools.summary.changes import Bucket, turn
from cf_aig_tools.summary.figures import DIMENSIONS, GATEWAY, NONE, SLICES, of_group
from cf_aig_tools.summary.pages import MOST_ROWS
from cf_aig_tools.summary.scope import PAGE, Scope
from cf_aig_tools.summary.shifts import PROMPT, Shift, buckets_of, paid_calls, slower
from cf_aig_tools.summary.sources import Sources, over_time, time_of

MOST = 8
"""Maximum change ends sent to analytics: one or two groupings each, in one request."""


@dataclass(frozen=True, eq=False)
class End:
    """Where a change begins or ends: between two times, with the amounts before the first and after the second."""

    shift: Shift
    start: datetime
    end: datetime
    before: float
    after: float

    def minute(self, buckets: Sequence[Bucket]) -> datetime:
        """Return the time of the change, using the calls between the two times."""
        place = turn(buckets, self.before, self.after)
        return buckets[place].at if place < len(buckets) else self.end


@dataclass(frozen=True)
class Dated:
    """A change in words that end in its times, and the times: None if it began before the span, or lasts."""

    words: str
    since: datetime | None
    until: datetime | None


async def dated(question: Question, sources: Sources, shifts: Sequence[Shift]) -> dict[Shift, Dated]:
    """Return each change with its times and their possible error."""
    ends = {shift: list(_ends(shift, question.step[0])) for shift in shifts}
    every = [end for shift, of_shift in ends.items() for end in of_shift if not shift.is_of_calls]
    logged = [end for end in every if sources.doubt or end.shift.measure is PROMPT]
    minutes = {end: end.minute(_read(question, sources, end)) for end in logged}
    if question.step[0] > MINUTE:
        minutes |= await _asked(question, [end for end in every if end not in minutes][:MOST])
    return {shift: _dated(shift.words, of_shift, minutes, question, sources) for shift, of_shift in ends.items()}


def _ends(shift: Shift, step: timedelta) -> Iterator[End]:
    change, buckets = shift.change, shift.buckets
    yield End(shift, buckets[change.since - 1].at, buckets[change.since].at + step, change.before, change.after)
    if change.until < len(buckets):
        until = buckets[change.until].at + step
        yield End(shift, buckets[change.until - 1].at, until, change.after, change.before)


def _dated(
    words: str, ends: Sequence[End], minutes: Mapping[End, datetime], question: Question, sources: Sources
) -> Dated:
    scope, step = question.scope, question.step[0]
    times = [minutes.get(end, end.end - step) for end in ends]
    since, until = times[0] if times[0] > scope.start else None, times[1] if len(times) > 1 else None
    return Dated(f"{words} {_span(times, scope, _off(ends, minutes, question, sources))}", since, until)


def _span(times: Sequence[datetime], scope: Scope, off: timedelta) -> str:
    form = "%H:%M" if scope.is_of_one_day() else "%m-%d %H:%M"
    if times[0] <= scope.start:
        return "since the start or earlier" if len(times) == 1 else f"until {times[1]:{form}}"
    shown = "–".join(at.strftime(form) for at in times)
    margin = f" ± {off / MINUTE:.0f} min" if off > MINUTE else ""
    return f"{shown}{margin}" if len(times) > 1 else f"since {shown}{margin}"


def _off(ends: Sequence[End], minutes: Mapping[End, datetime], question: Question, sources: Sources) -> timedelta:
    """Return the possible error of the times: the distance between the logs read, or the bucket size."""
    off = timedelta() if all(end in minutes for end in ends) else question.step[0]
    if sources.doubt and not sources.now.rows.are_all:
        parts = MOST_ROWS // PAGE
        off = max(off, (question.scope.end - question.scope.start) / parts)
    return off


def _read(question: Question, sources: Sources, end: End) -> list[Bucket]:
    """Return the minutes of change ends from the logs read."""
    rows, shift = sources.now.series(question.by)[end.shift.group], end.shift
    if shift.measure:
        buckets = buckets_of(over_time(rows, MINUTE), shift.measure)
    else:
        buckets = slower(paid_calls(rows, MINUTE), shift.slower_than)
    return [bucket for bucket in buckets if end.start <= bucket.at < end.end]


async def _asked(question: Question, ends: Sequence[End]) -> dict[End, datetime]:
    """Return the minutes of change ends from analytics; empty if they do not respond."""
    asked = [list(_groupings(question, end)) for end in ends]
    groupings = [grouping for of_end in asked for grouping in of_end]
    try:
        answered = await ask(question, groupings) if groupings else []
    except GatewayError:
        return {}
    answers = iter(answered)
    return {
        end: end.minute(_buckets(end, [next(answers) for _ in of_end])) for end, of_end in zip(ends, asked, strict=True)
    }


def _groupings(question: Question, end: End) -> Iterator[Grouping | None]:
    if question.is_of_labels or question.by == GATEWAY:  # a name has many values; for all gateways, one request is made
        yield None
        return
    scope = replace(question.scope, start=max(end.start, question.scope.start), end=end.end)
    name = "" if end.shift.group == NONE else end.shift.group
    group: dict[str, Any] = {} if question.by in SLICES else {DIMENSIONS[question.by]: name}
    if end.shift.measure:
        yield scope.grouping("datetimeMinute", **group)
        return
    paid = {**group, "error": 0, "cached": 0}
    yield scope.grouping("datetimeMinute", **paid)
    yield scope.grouping("datetimeMinute", **paid, durationMs_gt=end.shift.slower_than)


def _buckets(end: End, answers: Sequence[Groups]) -> list[Bucket]:
    counted = {time_of(group, "datetimeMinute"): group for group in answers[0]}
    if end.shift.measure:
        return buckets_of({at: of_group(group) for at, group in counted.items()}, end.shift.measure)
    slow = {time_of(group, "datetimeMinute"): group.count for group in answers[1]}
    return [Bucket(at, group.count, slow.get(at, 0)) for at, group in sorted(counted.items())]
