"""What calls to custom providers' models cost, by the account's own prices.

Shapes: the official SDK, as read 2026-11-27. Undocumented, and chosen here: prices are US dollars per token; a rule
names the provider by its slug, with or without `custom-`; of several rules, the one with the largest weight counts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.pricing import custom_price, is_of_provider
from cf_aig_gateway.shapes import as_object

ALL = ""
"""The gateway id under which prices are stored: they belong to the account."""


def cost(rules: Sequence[Mapping[str, Any]], provider: str, model: str, usage: Usage) -> float | None:
    """Return a call's cost by the rules (US dollars); None if no rule applies."""
    rule = custom_price([rule for rule in rules if is_of_provider(rule, provider)], provider, model)
    if rule is None:
        return None
    held = as_object(rule.get("token_pricing"))
    prices = {
        "per_token_in": held.get("input_tokens", rule.get("cost_in")),
        "per_token_out": held.get("output_tokens", rule.get("cost_out")),
        "per_cache_read_token": held.get("input_cached_tokens"),
        "per_cache_write_token": held.get("input_cache_creation_tokens"),
    }
    return pricing.custom_cost(prices, usage)
