"""Describes what limits the calls of a gateway: its spend limits and policies."""

from typing import Any

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Gateway
from cf_aig_gateway.one_line import named, quoted, word
from cf_aig_gateway.shapes import as_list, as_object, as_text

RULE = (("limit", None), ("window", None), ("technique", "fixed"))

MOST_BOUNDS = 20
"""Maximum spend limits and policies shown."""


async def bounds_of(gateway: AIGateway, shown: Gateway) -> list[str]:
    """Return the spend limits and policies of a gateway, one per line."""
    try:
        policies = [as_object(policy) for policy in await gateway.policies(shown.id)]
    except GatewayError:
        policies = []
    return [*map(_rule, rules_of(shown)), *map(_policy, policies)][:MOST_BOUNDS]


def rules_of(gateway: Gateway) -> list[dict[str, Any]]:
    """Return the enabled spend limits."""
    if gateway.spend_limits.get("enabled") is False:
        return []
    rules = [as_object(rule) for rule in as_list(gateway.spend_limits.get("rules"))]
    return [rule for rule in rules if rule.get("enabled") is not False]


def _rule(rule: dict[str, Any]) -> str:
    of = [f"{name} {_values(rule[name])}" for name in ("provider", "model") if rule.get(name)]
    of += [f"{named(key)} {_values(how)}" for key, how in as_object(rule.get("metadata")).items()]
    limit, window, technique = (word(str(rule.get(name) or default)) for name, default in RULE)
    within = f"${limit} per {window} s, {technique}"
    subject = f" for {', '.join(of)}" if of else ""
    return f"spend limit {named(as_text(rule.get('id')))}: {within}{subject}".replace("limit :", "limit:")


def _values(how: Any) -> str:
    held = as_object(how)
    return ", ".join(named(str(value)) for value in as_list(held.get("values"))) or "each"


def _policy(policy: dict[str, Any]) -> str:
    action, resource = as_object(policy.get("action")), as_object(policy.get("resource"))
    what = as_text(action.get("type"))
    amount = f" of ${word(str(action.get('amount')))} {named(as_text(action.get('period')))}" if what == "limit" else ""
    on = (
        named("/".join(as_text(resource.get(name)) or "*" for name in ("provider", "model")))
        if resource
        else "any model"
    )
    actor = as_text(policy.get("actor")) or "*"
    when = f" when {quoted(as_text(policy.get('condition')))}" if policy.get("condition") else ""
    return f"policy {named(as_text(policy.get('name')))}: {named(what)}{amount} on {on} for {named(actor)}{when}"
