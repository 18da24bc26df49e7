"""Chooses which requests to read, based on their rows, if the gateway has no fingerprints."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from cf_aig_tools.waste.calls import Call
from cf_aig_tools.waste.requests import AGAIN_S, follows
from cf_aig_tools.waste.shares import LEAST_TOOLS

ALIKE = 8
"""Maximum token difference between requests that may be the same except for a time or id."""

ROUND = (50, 64)
"""Reply limits are usually multiples of one of these."""


def candidates(calls: Sequence[Call]) -> list[Call]:
    """Return the calls whose requests may reveal waste, most expensive first."""
    held: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in calls:
        if not call.is_hit and not call.is_evaluation:
            held[call.provider, call.model].append(call)
    worth = {call.id: call for group in held.values() for call in _worth(group)}
    return sorted(worth.values(), key=lambda call: -call.cost)


def _worth(calls: Sequence[Call]) -> Iterator[Call]:
    """Yield one model's calls that may be repeated, heavy, or retries of failed or truncated calls."""
    for one, other in pairwise(sorted(calls, key=lambda call: call.tokens_in)):
        if other.tokens_in - one.tokens_in <= ALIKE and other.tokens_in:
            yield from (one, other)
    for one, other in pairwise(calls):
        is_cut = bool(one.tokens_out) and any(one.tokens_out % step == 0 for step in ROUND)
        if (not one.is_ok or is_cut) and follows(one, other, AGAIN_S):
            yield from (one, other)
    yield from (call for call in calls if call.counts and call.tokens_in - call.read >= LEAST_TOOLS)
