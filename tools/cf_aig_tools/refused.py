"""Explains calls refused by a policy, a budget or an empty account, and whether they would pass now."""

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import named, quoted, word
from cf_aig_gateway.shapes import as_object, as_text
from cf_aig_tools import failures
from cf_aig_tools.amounts import dollars

UNTOLD = {404, 501}
"""Statuses of an API without credit balances, such as the local gateway's."""

ASKED_ABOUT = {"refused by policy", "spend limit"}
CHANGES = (
    "a policy change takes up to 15 minutes; cached replies skip them, and calls pass while policies cannot be "
    "evaluated"
)
"""Source: developers.cloudflare.com/ai-gateway/features/policies, read 2026-11-27."""


async def would_pass(gateway: AIGateway, gateway_id: str, log: Log) -> str:
    """Return a sentence saying what policies would do now with a refused call; empty for any other call."""
    failure = None if log.success else failures.of_log(log)
    if failure is None or failure.kind not in ASKED_ABOUT:
        return ""
    user = as_text(log.metadata.get("cf.user_id"))
    identity = {"metadata": log.metadata, "cf": {"user": {"id": user}}}
    model = (log.model or "").removeprefix(f"{log.provider}/")
    try:
        told = await gateway.simulate(gateway_id, {"identity": identity, "provider": log.provider, "model": model})
    except GatewayError as error:
        return f"Whether it would pass now is unknown: policies/simulate needs AI Gateway Edit ({str(error)[:120]})."
    held = as_object(told.get("enforcement"))
    policy = named(as_text(held.get("policyName")))
    if held.get("allowed") is True:
        return f"Its policies would allow it now; {CHANGES}."
    if held.get("reason") == "limit_exceeded":
        spent, limit = held.get("spent"), held.get("limit")
        used = f", ${spent:,.2f} of ${limit:,.2f}" if _are_numbers(spent, limit) else ""
        return f"Policy {policy} would block it now: budget {named(as_text(held.get('bucket')))} is used up{used}."
    return f"{f'Policy {policy} would block it now' if policy else 'No policy allows it now'}; {CHANGES}."


async def credit(gateway: AIGateway, log: Log) -> str:
    """Return the account's credit for a call that failed because of missing credit; empty for any other call."""
    failure = None if log.success else failures.of_log(log)
    if failure is None or failure.kind != "out of credit":
        return ""
    try:
        held = await gateway.credit_balance()
    except GatewayError as error:
        return "" if error.status in UNTOLD else f"The credit balance is unknown ({str(error)[:120]})."
    balance, top_up = held.get("balance"), as_object(held.get("topup_config"))
    if not isinstance(balance, int | float):
        return ""
    told = f"Cloudflare credit: {dollars(balance) if balance > 0 else 'none'} left"
    if balance > 0:
        told += "; the provider account may be the one out of credit"
    if failed := as_text(top_up.get("lastFailedAt")):
        why = as_text(top_up.get("error")) or as_text(top_up.get("disabledReason"))
        told += f"; the last top-up failed at {word(failed, 40)}{f': {quoted(why, 120)}' if why else ''}"
    elif held.get("has_default_payment_method") is False:
        told += "; no payment method is set up"
    return f"{told}."


def _are_numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) for value in values)
