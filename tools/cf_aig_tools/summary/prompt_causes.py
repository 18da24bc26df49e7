"""Explains a drop in prompt cache hits by comparing a request before it with one after."""

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import anyio

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Log
from cf_aig_tools.bodies import Bodies, Stored
from cf_aig_tools.log_rows import usage_of, when
from cf_aig_tools.prompt_cache import differences
from cf_aig_tools.runs.cache import missed_since
from cf_aig_tools.side_by_side import together
from cf_aig_tools.summary.figures import prompt_share
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.summary.scope import Scope

HALF = 0.5
"""Minimum cached share of a prompt for a call to count as a hit."""

NEAREST = 20
"""Calls on each side of the change among which the most similar pair is chosen."""

MOST_ASKED = 3
"""Calls whose session is examined if such a pair gives no cause."""

PATIENCE_S = 10.0
"""Time limit for reading the bodies for one change, in seconds."""

OF_ONE = re.compile(r"message \d|only \d")
"""How differences begin that any two conversations have."""

_NUMBER = re.compile(r"[\d,]+")


async def cause_of_fall(scope: Scope, before: Sequence[Row], after: Sequence[Row]) -> str:
    """Return why prompts were read from the cache before a change but not after it; empty if no cause is found."""
    with anyio.move_on_after(PATIENCE_S):
        return await _by_a_pair(scope, before, after) or await _by_sessions(scope, after)
    return ""


async def _by_a_pair(scope: Scope, before: Sequence[Row], after: Sequence[Row]) -> str:
    """Compare a hit before the change with a miss after it, ignoring differences that also occur between hits."""
    hits = [log for log in _logs(before) if (prompt_share(log) or 0) >= HALF][-NEAREST:]
    misses = _misses(after)[:NEAREST]
    if not hits or not misses:
        return ""
    miss, hit = max(((miss, hit) for miss in misses for hit in hits), key=lambda pair: _likeness(*pair))
    others = [log for log in hits if log.id != hit.id]
    other = max(others, key=partial(_likeness, hit), default=None)
    found: dict[str, Stored] = {}
    bodies = Bodies(scope.gateway, scope.gateway_id)
    await together([partial(_read, bodies, log, found) for log in (miss, hit, other) if log])
    if miss.id not in found or hit.id not in found:
        return ""
    usual: set[str] = set()
    if other and other.id in found:
        usual = {_kind(words) for words in differences(found[other.id], found[hit.id])}
    told = differences(found[hit.id], found[miss.id])
    return next((words for words in told if _kind(words) not in usual and not OF_ONE.match(words)), "")


async def _by_sessions(scope: Scope, after: Sequence[Row]) -> str:
    """Examine the sessions of calls after the change, largest first; the first call of a session missed nothing."""
    largest = sorted(_misses(after), key=lambda log: -(log.tokens_in or 0))
    for log in largest[:MOST_ASKED]:
        if found := await missed_since(scope.gateway, scope.gateway_id, log, usage_of(log)):
            return found.why
    return ""


def _logs(rows: Sequence[Row]) -> list[Log]:
    """Return logs in order of time."""
    timed = [(at, row.log) for row in rows if row.log.success and not row.log.cached and (at := when(row.log))]
    return [log for _, log in sorted(timed, key=lambda each: each[0])]


def _misses(rows: Sequence[Row]) -> list[Log]:
    return [log for log in _logs(rows) if (share := prompt_share(log)) is not None and share < HALF]


def _likeness(one: Log, other: Log) -> tuple[int, float]:
    """Return how similar two calls look: by their labels, then by their size."""
    labels = sum(one.metadata.get(key) == value for key, value in other.metadata.items())
    same = 2 * (one.model == other.model) + (one.user_agent == other.user_agent) + (one.path == other.path)
    return labels + same, -abs((one.tokens_in or 0) - (other.tokens_in or 0))


async def _read(bodies: Bodies, log: Log, found: dict[str, Stored]) -> None:
    with suppress(GatewayError):
        if stored := await bodies.read(log.id, "request"):
            found[log.id] = stored


def _kind(words: str) -> str:
    return _NUMBER.sub("#", words)
