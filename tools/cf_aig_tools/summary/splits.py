"""Splits the change of a total into volume (more calls), mix (other groups) and the calls themselves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cf_aig_tools.summary.figures import Figures

LEAST = 0.1
"""A total that changed by less than a tenth is not split."""

Pair = tuple[Figures, Figures]
"""A group's figures now and earlier."""


@dataclass(frozen=True)
class Split:
    """The parts of a change, as shares of the earlier total."""

    calls: float
    mix: float
    each: float

    def told(self, each: str) -> str:
        """Return the significant parts in words; `each` names what changed per call."""
        parts = ((self.calls, "call volume"), (self.mix, "mix"), (self.each, each))
        said = [f"{100 * part:+.0f} % by {name}" for part, name in parts if abs(part) >= LEAST / 2]
        return ", ".join(said)


def split(pairs: Sequence[Pair], of: Callable[[Figures], float]) -> Split | None:
    """Return why a total changed; None if it hardly changed, or was zero.

    A new group counts as mix, because it has no earlier calls to compare with.
    """
    now, before = (sum(of(pair[at]) for pair in pairs) for at in (0, 1))
    calls, calls_before = (sum(pair[at].calls for pair in pairs) for at in (0, 1))
    if not before or not calls_before or abs(now - before) < LEAST * before:
        return None
    by_calls = (calls - calls_before) * before / calls_before
    by_each = sum(
        one.calls * (of(one) / one.calls - of(two) / two.calls) for one, two in pairs if one.calls and two.calls
    )
    return Split(by_calls / before, (now - before - by_calls - by_each) / before, by_each / before)
