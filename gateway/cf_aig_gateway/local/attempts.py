"""Calls a provider, with the retries that the caller or the gateway asks for."""

import anyio

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.controls import Controls
from cf_aig_gateway.local.faults import NOT_EMULATED, Fault, no_answer
from cf_aig_gateway.local.providers.answers import Answer, Upstream

RETRIED = {408, 409, 429}
"""Statuses below 500 that are retried. Cloudflare only says "upstream error"."""


async def ask(upstream: Upstream, call: Call, controls: Controls) -> Answer:
    """Return the provider's answer, or the last one if all attempts fail.

    The last of several attempts waits without a limit, as documented. A single attempt ends at the request timeout.

    Raises:
        Fault: the provider gave no answer.

    """
    for attempt in range(1, controls.attempts):
        try:
            answer = await _attempt(upstream, call, controls.timeout_s)
        except Fault as fault:
            if fault.status == NOT_EMULATED:
                raise
        else:
            if answer.status < 500 and answer.status not in RETRIED:
                return answer
            await answer.chunks.aclose()
        await anyio.sleep(_delay_s(controls, attempt))
    return await _attempt(upstream, call, controls.timeout_s if controls.attempts == 1 else None)


async def _attempt(upstream: Upstream, call: Call, timeout_s: float | None) -> Answer:
    with anyio.move_on_after(timeout_s):
        return await upstream(call)
    raise no_answer(f"no first byte within {round((timeout_s or 0) * 1000)} ms", status=504)


def _delay_s(controls: Controls, attempt: int) -> float:
    match controls.backoff:
        case "linear":
            return controls.retry_delay_s * attempt
        case "exponential":
            return controls.retry_delay_s * 2 ** (attempt - 1)
        case _:
            return controls.retry_delay_s
