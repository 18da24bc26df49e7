"""Finds out why calls failed by reading some of their bodies."""

import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice, zip_longest

import anyio

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Log
from cf_aig_tools.bodies import Bodies
from cf_aig_tools.failures import Failure
from cf_aig_tools.progress import say
from cf_aig_tools.side_by_side import together
from cf_aig_tools.summary.clusters import cause, strata
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.summary.scope import Scope

MOST_BODIES = 60
"""Maximum bodies read; the API allows 1,200 requests in 5 minutes."""

MOST_BYTES = 8192
"""Maximum bytes read from a body."""

PATIENCE_S = 15.0
"""Time limit for reading bodies, in seconds."""


async def causes(scope: Scope, failed: Sequence[Row]) -> dict[str, Failure]:
    """Return, by log id, why calls failed, for as many as the limits allow, across statuses, providers and models."""
    bodies = Bodies(scope.gateway, scope.gateway_id)
    found: dict[str, Failure] = {}
    with anyio.move_on_after(PATIENCE_S):
        logs = {log.id: log for log in islice(_spread(failed), MOST_BODIES)}
        await together([partial(_read, bodies, log, found) for log in logs.values()])
    return found


def _spread(failed: Sequence[Row]) -> Iterator[Log]:
    """Yield failed calls, taking one from each stratum in turn, in random order within it."""
    chance = random.Random(0)  # noqa: S311 (which bodies are read is no secret)
    drawn = [chance.sample(rows, len(rows)) for rows in strata(failed).values()]
    return (row.log for turn in zip_longest(*drawn) for row in turn if row)


async def _read(bodies: Bodies, log: Log, found: dict[str, Failure]) -> None:
    say("reading the bodies of failed calls")
    with suppress(GatewayError):
        found[log.id] = cause(log, await bodies.beginning(log.id, "response", MOST_BYTES))
