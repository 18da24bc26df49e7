"""How the management API stores policies, dynamic routes and custom providers' prices, as their users send them."""

from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.local.custom_costs import ALL
from cf_aig_gateway.local.envelopes import Refused, checked, not_found, result, results
from cf_aig_gateway.local.policies import Question, Verdict
from cf_aig_gateway.local.requests import gateway_of, resource_of, store_of
from cf_aig_gateway.local.store_resources import Kind
from cf_aig_gateway.shapes import as_object

MOST_ELEMENTS = 100
"""The most elements of a route."""


class Action(BaseModel, defer_build=True):
    """What a policy does with the calls it applies to."""

    model_config = ConfigDict(extra="allow")

    type: Literal["no-limit", "block", "limit"]
    amount: float = Field(0, ge=0)
    period: Literal["hourly", "daily", "weekly", "monthly"] = "monthly"


class Resource(BaseModel, defer_build=True):
    """The models that a policy applies to; `*` or nothing means any."""

    model: str = "*"
    provider: str = "*"


class Policy(BaseModel, defer_build=True):
    """The body of POST …/policies."""

    name: str = Field(min_length=1, max_length=200)
    actor: str = "*"
    resource: Literal["*"] | Resource = "*"
    condition: str | None = None
    action: Action


class Simulation(BaseModel, defer_build=True):
    """The body of POST …/policies/simulate. `bucketUsage` is what the policies' buckets have already spent."""

    model_config = ConfigDict(extra="allow")

    identity: dict[str, Any] = {}
    model: str = ""
    provider: str = ""
    bucketUsage: dict[str, Any] = {}  # noqa: N815 (the API's name)


class Element(BaseModel, defer_build=True):
    """A node of a route."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str


class Route(BaseModel, defer_build=True):
    """The body of POST …/routes."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    elements: list[Element] = Field(min_length=1, max_length=MOST_ELEMENTS)


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


async def list_policies(request: Request) -> Response:
    """List a gateway's policies."""
    return result(await store_of(request).resources(gateway_of(request), "policy"))


async def create_policy(request: Request) -> Response:
    """Create a policy. `commit` is assumed, since drafts aren't stored."""
    policy = checked(Policy, "body", await request.body())
    return result(await _kept(request, uuid4().hex, policy))


async def replace_policy(request: Request) -> Response:
    """Change the given members of a policy."""
    held = await resource_of(request, "policy")
    policy = checked(Policy, "body", {**held, **as_object(read_json(await request.body()))})
    return result(await _kept(request, held["id"], policy))


async def delete_policy(request: Request) -> Response:
    """Delete a policy."""
    return await _removed(request, gateway_of(request), "policy")


async def simulate(request: Request) -> Response:
    """Return what the policies would do with a call."""
    asked = checked(Simulation, "body", await request.body())
    store, gateway = store_of(request), gateway_of(request)
    policies = await store.resources(gateway, "policy")
    model = asked.model.removeprefix(f"{asked.provider}/")
    question = Question(store, gateway, asked.identity, asked.provider, model, asked.bucketUsage)
    verdict = await question.verdict(policies) if policies else Verdict("no-limit", is_allowed=True)
    return result(verdict.wire(len(policies)))


async def _kept(request: Request, id_: str, policy: Policy) -> dict[str, Any]:
    if policy.condition:
        raise Refused(501, {"code": 7000, "message": "The local gateway does not emulate conditions of policies"})
    return await store_of(request).put_resource(gateway_of(request), "policy", id_, policy.model_dump())


async def list_routes(request: Request) -> Response:
    """List a gateway's dynamic routes, under `data` as in the SDK."""
    found = await store_of(request).resources(gateway_of(request), "route")
    held = {"order_by": "", "order_by_direction": "asc", "page": 1, "per_page": len(found), "routes": found}
    return JSONResponse({"success": True, "data": held})


async def create_route(request: Request) -> Response:
    """Create a dynamic route."""
    body = checked(Route, "body", await request.body()).model_dump()
    return result(await store_of(request).put_resource(gateway_of(request), "route", uuid4().hex, body))


async def get_route(request: Request) -> Response:
    """Return a dynamic route."""
    return result(await resource_of(request, "route"))


async def delete_route(request: Request) -> Response:
    """Delete a dynamic route."""
    return await _removed(request, gateway_of(request), "route")


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
    return await _removed(request, ALL, "cost")


async def _removed(request: Request, gateway: str, kind: Kind) -> Response:
    if not await store_of(request).remove_resource(gateway, kind, request.path_params["id"]):
        raise not_found()
    return result({})
