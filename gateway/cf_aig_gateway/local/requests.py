"""What a management request refers to: the store, and the ids in its path."""

from typing import Any

from starlette.requests import Request

from cf_aig_gateway.local.envelopes import not_found
from cf_aig_gateway.local.store import Store
from cf_aig_gateway.local.store_resources import Kind


def store_of(request: Request) -> Store:
    """Return the application's store."""
    return request.app.state.store


def gateway_of(request: Request) -> str:
    """Return the id of the gateway that the path names."""
    return request.path_params["gateway"]


async def resource_of(request: Request, kind: Kind) -> dict[str, Any]:
    """Return the policy or route that the path names.

    Raises:
        Refused: 404, there is none.

    """
    found = await store_of(request).resources(gateway_of(request), kind)
    held = next((resource for resource in found if resource["id"] == request.path_params["id"]), None)
    if held is None:
        raise not_found()
    return held
