"""When a group's first and last calls were, if it was not active in the whole time range."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cf_aig_tools.log_rows import when
from cf_aig_tools.summary.figures import SLICES
from cf_aig_tools.summary.sources import Question, Sources

SHARE = 0.1
"""The share of the time range without calls, at its start or end, that is reported."""

INTERVALS = 5
"""The same, in multiples of the mean interval between calls."""

FEW = 3
"""Minimum calls for a meaningful mean interval; smaller groups are not reported."""


def appearances(question: Question, sources: Sources) -> dict[str, str]:
    """Return, by group, since when or until when it had calls, if that is within the time range.

    Group `` is all calls; other groups are reported only where they differ from it.
    """
    found = {} if question.by in SLICES else {group: _times(sources, group) for group in sources.now.groups}
    every = sorted(at for times in found.values() for at in times)
    if not every:
        return {}
    start, end = question.scope.start, min(question.scope.end, datetime.now(UTC))
    calls = sum(figures.calls for figures in sources.now.groups.values())
    told = {"": _told(question, sources, every, calls, start, end)}
    for group, times in found.items():
        count = sources.now.groups[group].calls
        told[group] = _told(question, sources, times, count, every[0], every[-1], group) if times else ""
    return {group: words for group, words in told.items() if words}


def _told(
    question: Question,
    sources: Sources,
    times: Sequence[datetime],
    count: float,
    start: datetime,
    end: datetime,
    group: str | None = None,
) -> str:
    form = "%H:%M" if question.scope.is_of_one_day() else "%m-%d %H:%M"
    if count < FEW:
        return ""
    first, last = times[0], times[-1]
    least = max(SHARE * (end - start), INTERVALS * (last - first) / (count - 1), _resolution(question, sources))
    is_new = group is not None and sources.earlier is not None and not sources.earlier.groups.get(group)
    told = [f"{'new since' if is_new else 'first call'} {first:{form}}" if first - start > least else ""]
    told += [f"last call {last:{form}}" if end - last > least else ""]
    return ", ".join(filter(None, told))


def _times(sources: Sources, group: str) -> Sequence[datetime]:
    """Return the times of a group's calls, or the starts of the buckets that contain some."""
    if sources.now.rows.are_all:
        return sorted(at for row in sources.now.held.get(group, ()) if (at := when(row.log)))
    return sorted(sources.timeline.get(group, ()))


def _resolution(question: Question, sources: Sources) -> timedelta:
    return timedelta() if sources.now.rows.are_all else 2 * question.step[0]
