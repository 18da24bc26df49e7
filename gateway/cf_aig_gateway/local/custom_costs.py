"""Prices of custom providers' models: GET and POST …/ai-gateway/custom-providers/costs, DELETE …/costs/{id}.

Shapes: the official SDK, as read 2026-11-27. Undocumented, and chosen here: prices are US dollars per token; a rule
names the provider by its slug, with or without `custom-`; of several rules, the one with the largest weight counts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from cf_aig_gateway import pricing
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.local.envelopes import checked, not_found, result, results
from cf_aig_gateway.local.requests import store_of
from cf_aig_gateway.pricing import custom_price, is_of_provider
from cf_aig_gateway.shapes import as_object

ALL = ""
"""The gateway id under which prices are stored: they belong to the account."""


class CustomCost(BaseModel, defer_build=True):
    """The body of POST …/custom-providers/costs."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    account_provider_id: str = Field(min_length=1, max_length=200)
    model: str = Field("", max_length=200)
    model_rule: Literal["equals", "starts-with", "contains"] = "equals"
    cost_in: float = Field(0, ge=0)
    cost_out: float = Field(0, ge=0)
    cost_type: Literal["tokens"] = "tokens"
    token_pricing: dict[str, Any] = {}
    weight: int = 0


class CostQuery(BaseModel, defer_build=True):
    """The query of GET …/custom-providers/costs."""

    page: int = Field(1, ge=1)
    per_page: int = Field(20, ge=1, le=100)
    search: str = ""


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


async def list_costs(request: Request) -> Response:
    """List the prices whose model contains `search`: page, per_page."""
    query = checked(CostQuery, "query", request.query_params)
    found = [held for held in await store_of(request).resources(ALL, "cost") if query.search in held["model"]]
    first = (query.page - 1) * query.per_page
    page = found[first : first + query.per_page]
    return results(page, page=query.page, per_page=query.per_page, totals={"total_count": len(found)})


async def create_cost(request: Request) -> Response:
    """Set a price."""
    new = checked(CustomCost, "body", await request.body())
    return result(await store_of(request).put_resource(ALL, "cost", uuid4().hex, new.model_dump()))


async def delete_cost(request: Request) -> Response:
    """Delete a price."""
    if not await store_of(request).remove_resource(ALL, "cost", request.path_params["id"]):
        raise not_found()
    return result({})
