"""Searches a time range for every kind of waste, in order of precedence."""

import anyio

from cf_aig_tools.summary.scope import Scope
from cf_aig_tools.waste import requests, shares
from cf_aig_tools.waste.candidates import candidates
from cf_aig_tools.waste.findings import EVALUATIONS, Findings, Waste
from cf_aig_tools.waste.misses import misses
from cf_aig_tools.waste.reading import Reading


async def search(scope: Scope, within_s: float) -> tuple[Reading, Findings]:
    """Return what was read, and the waste in it."""
    reading, found = Reading(scope, anyio.current_time() + within_s), Findings()
    await reading.read_calls()
    found.add(Waste(EVALUATIONS, call, call.tokens, call.cost) for call in reading.calls if call.is_evaluation)
    if not reading.is_printed:
        await reading.read_prints(candidates(reading.calls))
    found.add(requests.failed(found, reading))
    found.add(requests.cut(found, reading))
    found.add(await requests.repeated(found, reading))
    found.add(shares.reasoning(found, reading))
    found.add(await misses(found, reading))
    found.add(shares.heavy(found, reading))
    found.add(shares.models(found, reading))
    return reading, found
