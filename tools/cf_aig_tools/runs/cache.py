"""Explains prompt cache misses by comparing a call with the previous one."""

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats import Conversation
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.models import Log
from cf_aig_gateway.prompt_caching import LEAST
from cf_aig_tools.bodies import Bodies
from cf_aig_tools.log_rows import usage_of
from cf_aig_tools.prompt_cache import Missed, dearer, is_odd, line, marks, missed, stated
from cf_aig_tools.runs.gathering import Gathering


async def told_cache(gateway: AIGateway, gateway_id: str, log: Log, reply: Conversation | None) -> str:
    """Return what the provider's prompt cache did for a call, and why it missed."""
    usage = reply.usage if reply and reply.usage.tokens_in else usage_of(log)
    if not log.success or log.cached:
        return ""
    found = stated(log, reply)
    if found is None and is_odd(log, usage) and dearer(log, usage, LEAST):
        found = await missed_since(gateway, gateway_id, log, usage)
    return "\n".join(filter(None, [line(log, usage, found), await _asked(gateway, gateway_id, log, usage)]))


async def _asked(gateway: AIGateway, gateway_id: str, log: Log, usage: Usage) -> str:
    """Return the cache settings of a request that is long enough to be cached."""
    if (usage.tokens_in or 0) < LEAST:
        return ""
    try:
        stored = await Bodies(gateway, gateway_id).read(log.id, "request")
    except GatewayError:
        return ""
    return marks(stored.held) if stored else ""


async def missed_since(gateway: AIGateway, gateway_id: str, log: Log, usage: Usage) -> Missed | None:
    """Return what a call missed of the cache entry of the previous call in its run, and why."""
    try:
        befores, call = await Gathering(gateway, gateway_id).before(log)
    except GatewayError:
        return None
    for before in befores:
        if before.failed or before.stored is None or call.stored is None:
            continue
        stored = before.stored, call.stored
        if found := missed(log, usage, before.log, stored, call.start - before.end):
            return found
    return None
