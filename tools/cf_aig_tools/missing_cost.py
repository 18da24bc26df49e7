"""Explains why a call that its provider answered has no cost."""

from cf_aig_gateway import pricing
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats import Conversation
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import word
from cf_aig_gateway.providers import CUSTOM
from cf_aig_tools.amounts import dollars
from cf_aig_tools.log_rows import usage_of


async def why_no_cost(gateway: AIGateway, log: Log, reply: Conversation | None) -> str:
    """Return a sentence saying why a log has no cost, and what its reply states; empty if it has a cost or needs none.

    Makes one request, for custom providers only: their prices.
    """
    if log.cost or not log.success or log.cached:
        return ""
    provider = log.provider or ""
    model = (log.model or "").removeprefix(f"{provider}/") or "its model"
    if not log.tokens_in and not log.tokens_out:
        why = "neither the log nor the stored reply has token counts"
    elif provider.startswith(CUSTOM):
        why = await _custom(gateway, provider, model)
    elif price := pricing.cost(provider, model, usage_of(log)):
        why = f"the gateway has no price for {model}; at the public list price it is about {dollars(price)}"
    else:
        why = f"the price of {model} is unknown"
    stated = reply.usage.stated_cost if reply else None
    said = "" if stated is None else f" The reply itself states {dollars(stated) if stated else '$0'}."
    return f"No cost: {why}.{said}"


async def _custom(gateway: AIGateway, provider: str, model: str) -> str:
    """Say whether a custom provider has a price for a model."""
    try:
        rule = pricing.custom_price(await gateway.custom_costs(), provider, model)
    except GatewayError as error:
        return f"{provider} is a custom provider and its price could not be read ({str(error)[:120]})"
    if rule is None:
        return (
            f"custom provider {provider} has no price for {model}: set one under custom-providers/costs, "
            "or send cf-aig-custom-cost"
        )
    held = ((name, rule.get(name)) for name in ("cost_in", "cost_out"))
    prices = ", ".join(f"{name} {value:g}" for name, value in held if isinstance(value, int | float))
    which = " ".join(word(str(rule.get(name)), 80) for name in ("model_rule", "model"))
    return f"{provider} has a price now ({which}: {prices}), but this call was not charged it: the price may be newer"
