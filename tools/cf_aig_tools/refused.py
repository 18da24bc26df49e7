"""Calls that a policy or a budget refused: which, and whether it would pass now."""

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Log
from cf_aig_gateway.shapes import as_object, as_text
from cf_aig_tools import failures

ASKED_ABOUT = {"refused by policy", "spend limit"}
CHANGES = (
    "a change of a policy takes up to 15 minutes, cached replies skip policies, "
    "and calls pass while policies cannot be evaluated"
)
"""Source: developers.cloudflare.com/ai-gateway/features/policies, read 2026-11-27."""


async def would_pass(gateway: AIGateway, gateway_id: str, log: Log) -> str:
    """Return in a sentence what policies would do now with a call that was refused; empty for any other."""
    failure = None if log.success else failures.of_log(log)
    if failure is None or failure.kind not in ASKED_ABOUT:
        return ""
    user = as_text(log.metadata.get("cf.user_id"))
    identity = {"metadata": log.metadata, "cf": {"user": {"id": user}}}
    model = (log.model or "").removeprefix(f"{log.provider}/")
    try:
        told = await gateway.simulate(gateway_id, {"identity": identity, "provider": log.provider, "model": model})
    except GatewayError as error:
        return f"Whether it would pass now is not known: policies/simulate needs AI Gateway Edit ({str(error)[:120]})."
    held = as_object(told.get("enforcement"))
    policy = as_text(held.get("policyName"))
    if held.get("allowed") is True:
        return f"Now its policies would let it pass; {CHANGES}."
    if held.get("reason") == "limit_exceeded":
        spent, limit = held.get("spent"), held.get("limit")
        dollars = f", ${spent:,.2f} of ${limit:,.2f}" if _are_numbers(spent, limit) else ""
        return f"Now policy {policy} refuses it: the budget {as_text(held.get('bucket'))} is used up{dollars}."
    return f"Now {f'policy {policy} blocks it' if policy else 'no policy allows it'}; {CHANGES}."


def _are_numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) for value in values)
