"""Finds the turns that differ between two conversations: changed, removed or inserted."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from cf_aig_gateway.formats import Turn
from cf_aig_tools.comparison.values import LARGEST, Difference, differences
from cf_aig_tools.reading.pointers import at

ALIKE = 0.5
"""Two turns with the same role count as one changed turn if at least this share of them is the same."""

COMPARED = 2000
"""Characters of a turn that are compared for similarity."""

MOST_PAIRS = 400
"""Maximum pairs of turns compared for similarity."""

Block = tuple[str, int, int, int, int]


class Turns:
    """Two lists of turns, aligned in order; `bodies` holds the value that each list comes from."""

    def __init__(self, one: Sequence[Turn], other: Sequence[Turn], bodies: tuple[Any, Any]) -> None:
        self._one = one
        self._other = other
        self._bodies = bodies
        self._written = [turn.written() for turn in one], [turn.written() for turn in other]
        self._blocks = list(_blocks(*self._written))

    def same(self) -> str:
        """Say which turns are the same; empty if none are."""
        count = sum(end - start for kind, start, end, _, _ in self._blocks if kind == "equal")
        if not count:
            return ""
        if count == len(self._one) == len(self._other):
            return f"all {count} turns" if count > 1 else "the turn"
        first = self._blocks[0]
        if first[0] == "equal" and first[2] == count:
            return f"the first {count} turns" if count > 1 else "the first turn"
        return f"{count} turns"

    def differences(self) -> Iterator[Difference]:
        """Yield the differing turns in order; consecutive turns that only one side has are combined."""
        for kind, start, end, begin, stop in self._blocks:
            if kind == "equal":
                for step in range(end - start):
                    yield from self._unseen(self._one[start + step], self._other[begin + step])
            else:
                yield from self._changed(start, end, begin, stop)

    def _unseen(self, one: Turn, other: Turn) -> Iterator[Difference]:
        """Yield differences between turns with the same text, such as a cache mark."""
        if one.pointer and other.pointer:
            first, second = (at(body, turn.pointer) for body, turn in zip(self._bodies, (one, other), strict=True))
            yield from differences(first, second, one.pointer)

    def _changed(self, start: int, end: int, begin: int, stop: int) -> Iterator[Difference]:
        for one, other in [*self._matches(start, end, begin, stop), (end, stop)]:
            if start < one:
                yield _only(self._one[start:one], self._written[0][start:one], is_one=True)
            if begin < other:
                yield _only(self._other[begin:other], self._written[1][begin:other], is_one=False)
            if one < end and other < stop:
                yield self._pair(one, other)
            start, begin = one + 1, other + 1

    def _matches(self, start: int, end: int, begin: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the pairs in a run that are one changed turn."""
        if end - start == stop - begin:
            yield from zip(range(start, end), range(begin, stop), strict=True)
        elif (end - start) * (stop - begin) <= MOST_PAIRS:
            for one in range(start, end):
                match = next((other for other in range(begin, stop) if self._is_like(one, other)), None)
                if match is not None:
                    yield one, match
                    begin = match + 1

    def _is_like(self, one: int, other: int) -> bool:
        if self._one[one].role != self._other[other].role:
            return False
        first, second = self._written[0][one][:COMPARED], self._written[1][other][:COMPARED]
        matcher = SequenceMatcher(None, first, second, autojunk=False)
        return matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE

    def _pair(self, one: int, other: int) -> Difference:
        first, second = self._one[one], self._other[other]
        where = first.pointer if first.pointer == second.pointer else f"{first.pointer} → {second.pointer}"
        return f"turn {where}".strip(), self._written[0][one], self._written[1][other]


def _only(turns: Sequence[Turn], written: Sequence[str], *, is_one: bool) -> Difference:
    """Return a run of turns that only one conversation has."""
    first, last = turns[0].pointer, turns[-1].pointer
    where = f"{len(turns)} turns {first} to {last}" if len(turns) > 1 else f"turn {first}".strip()
    text = "\n".join(written)
    what = f"{where} only in {'log_id' if is_one else 'other_log_id'}"
    return (what, text, "") if is_one else (what, "", text)


def _blocks(one: Sequence[str], other: Sequence[str]) -> Iterator[Block]:
    """Yield runs of equal or different turns; equal beginnings and ends are found immediately."""
    start = common(one, other)
    shorter = min(len(one), len(other)) - start
    end = min(shorter, common(one[::-1], other[::-1]))
    if start:
        yield "equal", 0, start, 0, start
    first, second = one[start : len(one) - end], other[start : len(other) - end]
    if max(len(first), len(second)) > LARGEST:
        yield "replace", start, start + len(first), start, start + len(second)
    else:
        for kind, *places in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
            a, b, c, d = (place + start for place in places)
            yield kind, a, b, c, d
    if end:
        yield "equal", len(one) - end, len(one), len(other) - end, len(other)


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many leading items (characters for text) both have in common."""
    parts = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(parts, min(len(one), len(other)))
