"""Finds matching logs in other gateways when this one has none."""

from collections.abc import Awaitable, Callable
from functools import partial

from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.amounts import counted
from cf_aig_tools.desk import Desk
from cf_aig_tools.side_by_side import together

MOST = 10
"""Maximum number of other gateways to ask."""


async def matches_elsewhere(desk: Desk, gateway_id: str, count: Callable[[str], Awaitable[int]]) -> str:
    """Return a sentence naming other gateways with matching logs; empty if there are none or they cannot be asked."""
    try:
        others = [held.id for held in (await desk.gateway.gateways(per_page=50)).items if held.id != gateway_id]
        asked = [other for other in others if desk.allows(other)][:MOST]
        counts = await together([partial(count, other) for other in asked])
    except GatewayError:
        return ""
    found = [
        f"{other} has {counted(total, 'matching log')}" for other, total in zip(asked, counts, strict=True) if total
    ]
    return f" Elsewhere, {', '.join(found)}: set gateway_id." if found else ""
