"""Detects when a figure changed: the period whose difference from the rest explains most of the variance."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

SIGNIFICANT = 36.0
"""Minimum squared difference between the two parts, relative to chance: six standard errors."""

LIKELIER = 30.0
"""The same for shares: twice the log-likelihood ratio of two probabilities over one.

This is correct for rare events.
"""

LEAST_CALLS = 20
"""Minimum calls on either side of a change."""

LEAST_BUCKETS = 6
STEADY = 3
"""Minimum length of a change in buckets, so that one expensive call does not count."""

PASSING = 1.3
"""A change counts as temporary if that explains this much more than a lasting one."""

SCATTERED = 3.0
"""Below this ratio of variance to mean, counts are not searched for changes."""

JUMP = 3.0
"""The number of calls must change by this ratio to be reported, because traffic varies over the day."""

RATIO = 1.25
SHARE = 0.02
"""A change is reported if it is at least a quarter and, for a share of calls, at least two percentage points."""


@dataclass(frozen=True)
class Bucket:
    """The calls that began in a bucket, and their total of something: failures, dollars, cache hits."""

    at: datetime
    calls: float
    amount: float


@dataclass(frozen=True)
class Change:
    """An amount per call that was `before`, and is `after` from bucket `since` until before bucket `until`."""

    since: int
    until: int
    before: float
    after: float


def change(buckets: Sequence[Bucket], *, share: bool) -> Change | None:
    """Return the change of an amount per call over time; `share` means that each call contributes 0 or 1."""
    count, least = len(buckets), 1 if share else STEADY
    if count < LEAST_BUCKETS:
        return None
    sums = _Sums(buckets)
    lasting = max((sums.explained(start, count), start, count) for start in range(1, count - least + 1))
    passed = max(
        ((sums.explained(start, end), start, end) for start in range(1, count) for end in range(start + least, count)),
        default=lasting,
    )
    explained, start, end = passed if passed[0] > PASSING * lasting[0] else lasting
    if not explained or sums.is_chance(start, end, explained, share=share):
        return None
    after, before = sums.clear_means(start, end)
    least_mean, most_mean = sorted((before, after))
    is_large = most_mean >= RATIO * least_mean and not (share and most_mean - least_mean < SHARE)
    return Change(start, end, before, after) if is_large else None


def jump(counts: Sequence[float]) -> Change | None:
    """Return the change in the number of calls in buckets of equal length.

    Random variation is assumed to be as large as on either side of the change.
    """
    sums = [0.0, *accumulate(counts)]
    length = len(counts)
    if length < LEAST_BUCKETS or _scatter(counts, sums[-1] / length) < SCATTERED:
        return None

    def likelier(start: int, end: int) -> float:
        inside, outside = sums[end] - sums[start], sums[-1] - sums[end] + sums[start]
        apart = _log_rate(inside, end - start) + _log_rate(outside, length - end + start)
        return 2 * (apart - _log_rate(sums[-1], length))

    spans = [(start, end) for start in range(1, length) for end in range(start + STEADY, length + 1)]
    if not spans:
        return None
    start, end = max(spans, key=lambda span: (likelier(*span) * (PASSING if span[1] == length else 1), span))
    inside, outside = [*counts[start:end]], [*counts[:start], *counts[end:]]
    before, after = sum(outside) / len(outside), sum(inside) / len(inside)
    scatter = max(1.0, _scatter(inside, after), _scatter(outside, before))
    is_large = max(before, after) >= JUMP * min(before, after) and max(sum(inside), sum(outside)) >= LEAST_CALLS
    return Change(start, end, before, after) if is_large and likelier(start, end) / scatter >= LIKELIER else None


def _log_rate(count: float, length: int) -> float:
    return count * math.log(count / length) if count > 0 else 0.0


def _scatter(counts: Sequence[float], mean: float) -> float:
    """Return the variance of counts over their mean, which is 1 for calls that arrive at random."""
    return sum((count - mean) ** 2 for count in counts) / len(counts) / mean if mean else 1.0


class _Sums:
    """Prefix sums over buckets."""

    def __init__(self, buckets: Sequence[Bucket]) -> None:
        self._buckets = buckets
        self._calls = [0.0, *accumulate(bucket.calls for bucket in buckets)]
        self._amounts = [0.0, *accumulate(bucket.amount for bucket in buckets)]

    def means(self, start: int, end: int) -> tuple[float, float]:
        """Return the amount per call inside a period, and outside it."""
        calls, amount = self._calls[end] - self._calls[start], self._amounts[end] - self._amounts[start]
        return amount / calls, (self._amounts[-1] - amount) / (self._calls[-1] - calls)

    def clear_means(self, start: int, end: int) -> tuple[float, float]:
        """Return the same without the buckets in which the change may be, if others remain."""
        count = len(self._buckets)
        inside = range(start + 1, end if end == count else end - 1) or range(start, end)
        outside = [*range(start - 1), *range(end + 1, count)] or [*range(start), *range(end, count)]
        return self._mean(inside), self._mean(outside)

    def _mean(self, places: Iterable[int]) -> float:
        held = [self._buckets[place] for place in places]
        return sum(bucket.amount for bucket in held) / sum(bucket.calls for bucket in held)

    def explained(self, start: int, end: int) -> float:
        """Return the variance, times calls, explained by the difference between a period and the rest."""
        inside = self._calls[end] - self._calls[start]
        outside = self._calls[-1] - inside
        if inside < LEAST_CALLS or outside < LEAST_CALLS:
            return 0
        within, without = self.means(start, end)
        return (within - without) ** 2 * inside * outside / self._calls[-1]

    def is_chance(self, start: int, end: int, explained: float, *, share: bool) -> bool:
        """Whether the difference between a period and the rest may be due to chance."""
        if not share:
            return explained < SIGNIFICANT * self._noise(explained)
        calls, amount = self._calls[end] - self._calls[start], self._amounts[end] - self._amounts[start]
        apart = _likelihood(calls, amount) + _likelihood(self._calls[-1] - calls, self._amounts[-1] - amount)
        return 2 * (apart - _likelihood(self._calls[-1], self._amounts[-1])) < LIKELIER

    def _noise(self, explained: float) -> float:
        """Return the remaining variance of one call, based on the buckets."""
        mean = self._amounts[-1] / self._calls[-1]
        whole = sum(bucket.calls * (bucket.amount / bucket.calls - mean) ** 2 for bucket in self._buckets)
        return max(0.0, whole - explained) / (len(self._buckets) - 2)


def _likelihood(calls: float, amount: float) -> float:
    """Return the log-likelihood of a share, if it is the probability for each call."""
    return sum(part * math.log(part / calls) for part in (amount, calls - amount) if part > 0)


def turn(buckets: Sequence[Bucket], before: float, after: float) -> int:
    """Return the first bucket from which calls are closer to `after` than to `before`."""
    middle = (before + after) / 2
    rising = 1 if after > before else -1
    leaning = [rising * (bucket.amount - middle * bucket.calls) for bucket in buckets]
    sums = [0.0, *accumulate(leaning)]
    return min(range(len(sums)), key=sums.__getitem__)
