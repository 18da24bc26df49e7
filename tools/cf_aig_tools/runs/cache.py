"""Why the provider's prompt cache missed, asked of the call before."""

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats import Conversation
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.models import Log
from cf_aig_tools.log_rows import usage_of
from cf_aig_tools.prompt_cache import LEAST, Missed, compared, dearer, is_odd, line, stated
from cf_aig_tools.runs.gathering import Gathering


async def told_cache(gateway: AIGateway, gateway_id: str, log: Log, reply: Conversation | None) -> str:
    """Return what the provider's prompt cache did for a call, and why it missed where it did."""
    usage = reply.usage if reply and reply.usage.tokens_in else usage_of(log)
    if not log.success or log.cached:
        return ""
    missed = stated(log, reply)
    if missed is None and is_odd(usage) and dearer(log, usage, LEAST):
        missed = await _missed(gateway, gateway_id, log, usage)
    return line(log, usage, missed)


async def _missed(gateway: AIGateway, gateway_id: str, log: Log, usage: Usage) -> Missed | None:
    """Compare a call with the one before it in its run."""
    try:
        pair = await Gathering(gateway, gateway_id).before(log)
    except GatewayError:
        return None
    if pair is None or pair[0].failed:
        return None
    before, call = pair
    if before.stored is None or call.stored is None:
        return None
    shared = min(usage.tokens_in or 0, round(before.log.tokens_in or 0)) - usage.cache_read
    if shared <= 0 or not dearer(log, usage, shared):
        return None
    return Missed(shared, compared(before.stored, call.stored, call.start - before.end))
