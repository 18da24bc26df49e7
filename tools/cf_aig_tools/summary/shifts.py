"""Finds what changed within the time range: in which group, and from what to what."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import median

from cf_aig_gateway.models import Log
from cf_aig_tools.amounts import dollars, seconds, significant
from cf_aig_tools.log_rows import when
from cf_aig_tools.summary.changes import RATIO, Bucket, Change, change, jump
from cf_aig_tools.summary.figures import SLICES, Figures, of_row, total
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.summary.sources import Question, Sources, floored, over_time

Timed = tuple[datetime, float]
"""The bucket in which a call began, and its duration (ms)."""

UNITS = {timedelta(minutes=1): "per minute", timedelta(hours=1): "per hour", timedelta(days=1): "per day"}

LARGEST = 12
"""Maximum groups searched for changes."""


@dataclass(frozen=True)
class Measure:
    """A measured property of calls, as (calls counted, amount); `share` means that each call contributes 0 or 1."""

    of: Callable[[Figures], tuple[float, float]]
    words: Callable[[float, float], str]
    share: bool = True


@dataclass(frozen=True, eq=False)
class Shift:
    """A change in a group. Without a measure it concerns durations: the share of calls slower than `slower_than` ms.

    A change in the number of calls has no buckets for more precise dating.
    """

    group: str
    words: str
    change: Change
    buckets: Sequence[Bucket]
    measure: Measure | None = None
    slower_than: int = 0
    is_of_calls: bool = False

    def sides(self, rows: Sequence[Row], step: timedelta) -> tuple[list[Row], list[Row]]:
        """Return a group's logs before and after its change, leaving out the buckets in between."""
        change, buckets = self.change, self.buckets
        since = buckets[change.since].at
        until = buckets[change.until].at if change.until < len(buckets) else datetime.max.replace(tzinfo=UTC)
        timed = [(at, row) for row in rows if (at := when(row.log))]
        after = [row for at, row in timed if since + step <= at < until]
        before = [row for at, row in timed if not since - step <= at < until]
        return before, after


def _percents(what: str) -> Callable[[float, float], str]:
    return lambda before, after: f"{what} {100 * before:.3g} → {100 * after:.3g} %"


def _prices(before: float, after: float) -> str:
    return f"per call {dollars(before)} → {dollars(after)}"


FAILED = Measure(lambda figures: (figures.calls, figures.failed), _percents("failed"))
HITS = Measure(lambda figures: (figures.calls - figures.failed, figures.cached), _percents("gateway cache hits"))
PROMPT = Measure(lambda figures: (figures.promptable, figures.prompt_hits), _percents("prompt cache"))
COST = Measure(lambda figures: (figures.paid, figures.cost), _prices, share=False)


def shifts(question: Question, sources: Sources) -> list[Shift]:
    """Return what changed in the largest groups, compared with earlier calls if there are any."""
    start = floored(question.scope.start, question.step[0]) - question.step[0]
    before = _figures_before(question, sources)
    timelines = sorted(sources.timeline.items(), key=lambda held: -sum(figures.calls for figures in held[1].values()))
    found = [
        Shift(group, measure.words(changed.before, changed.after), changed, buckets, measure)
        for group, times in islice(timelines, LARGEST)
        for measure in (FAILED, HITS, COST)
        for buckets in [buckets_of({start: before.get(group, Figures()), **times}, measure)]
        if (changed := change(buckets, share=measure.share))
    ]
    found += _prompt_caches(question, sources, start)
    slowed = (_slowed(group, timed) for group, timed in _durations(question, sources, start).items())
    jumps = (_jump(group, times, question) for group, times in islice(timelines, LARGEST))
    are_counts = not sources.doubt or sources.now.rows.are_all
    return [*found, *filter(None, slowed), *(filter(None, jumps) if are_counts else ())]


def _prompt_caches(question: Question, sources: Sources, start: datetime) -> Iterator[Shift]:
    """Yield changes in the provider's prompt cache, which only logs show."""
    step = question.step[0]
    earlier: Mapping[str, Sequence[Row]] = sources.earlier.series(question.by) if sources.earlier else {}
    for group, rows in sources.now.series(question.by).items():
        before = total(of_row(row.log, row.weight) for row in earlier.get(group, ()))
        buckets = buckets_of({start: before, **over_time(rows, step)}, PROMPT)
        if changed := change(buckets, share=True):
            yield Shift(group, PROMPT.words(changed.before, changed.after), changed, buckets, PROMPT)


def _jump(group: str, times: Mapping[datetime, Figures], question: Question) -> Shift | None:
    """Find the period with many more or fewer calls than the rest; a bucket cut by the scope's start does not count."""
    step, scope = question.step[0], question.scope
    if not times:
        return None
    start, end = floored(scope.start, step), min(scope.end, max(times))
    starts = [start + number * step for number in range(math.ceil((end - start) / step) + 1)]
    buckets = [Bucket(at, 1, times[at].calls if at in times else 0) for at in starts if scope.start <= at < scope.end]
    changed = jump([bucket.amount for bucket in buckets])
    if changed is None or not min(changed.before, changed.after):
        return None
    unit = UNITS.get(step, f"every {step / timedelta(minutes=1):g} minutes")
    words = f"calls {significant(changed.before):g} → {significant(changed.after):g} {unit}"
    return Shift(group, words, changed, buckets, is_of_calls=True)


def _figures_before(question: Question, sources: Sources) -> Mapping[str, Figures]:
    """Return each group's earlier figures, unless they are estimates."""
    earlier = sources.earlier
    if not earlier or (sources.doubt and not earlier.rows.are_all):
        return {}
    return {"": total(earlier.groups.values())} if question.by in SLICES else earlier.groups


def _durations(question: Question, sources: Sources, start: datetime) -> dict[str, list[Timed]]:
    """Return the durations of each group's paid calls; earlier ones are placed before `start`."""
    by, step = question.by, question.step[0]
    timed = {group: list(paid_calls(rows, step)) for group, rows in sources.now.series(by).items()}
    for group, rows in sources.earlier.series(by).items() if sources.earlier else ():
        timed.setdefault(group, []).extend((start, took) for _, took in paid_calls(rows, step))
    return timed


def buckets_of(times: Mapping[datetime, Figures], measure: Measure) -> list[Bucket]:
    """Return the calls and their total amount for each bucket that has such calls."""
    made = ((at, *measure.of(figures)) for at, figures in sorted(times.items()))
    return [Bucket(at, calls, amount) for at, calls, amount in made if calls > 0]


def _slowed(group: str, timed: Sequence[Timed]) -> Shift | None:
    """Find the period in which more or fewer paid calls than usual took longer than the median."""
    changed = change(slower(timed, median(took for _, took in timed)), share=True) if timed else None
    if changed is None:
        return None
    buckets = slower(timed, 0)
    first, last = buckets[changed.since].at, buckets[changed.until - 1].at
    inside = [took for at, took in timed if first <= at <= last]
    outside = [took for at, took in timed if not first <= at <= last]
    before, after = median(outside), median(inside)
    if max(before, after) < RATIO * min(before, after):
        return None
    middle = int(math.sqrt(before * after))
    shares = replace(changed, before=_share(outside, middle), after=_share(inside, middle))
    words = f"p50 {seconds(before):g} → {seconds(after):g} s"
    return Shift(group, words, shares, buckets, slower_than=middle)


def paid_calls(rows: Sequence[Row], step: timedelta) -> Iterator[Timed]:
    """Yield the bucket and the duration (ms) of paid calls."""
    for row in rows:
        at = when(row.log)
        if at and is_paid(row.log) and row.log.duration:
            yield floored(at, step), row.log.duration


def is_paid(log: Log) -> bool:
    """Whether a call was answered by its provider."""
    return log.success is True and not log.cached


def slower(timed: Iterable[Timed], than: float) -> list[Bucket]:
    """Return the number of calls in each bucket, and how many of them were slower."""
    durations: dict[datetime, list[float]] = defaultdict(list)
    for at, took in timed:
        durations[at].append(took)
    return [Bucket(at, len(held), sum(took > than for took in held)) for at, held in sorted(durations.items())]


def _share(durations: Sequence[float], than: float) -> float:
    return sum(took > than for took in durations) / len(durations)
