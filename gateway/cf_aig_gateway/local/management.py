"""The management API: gateways and logs, under `/client/v4/accounts/{account}/ai-gateway`, and their analytics.

Where Cloudflare's behavior isn't documented: listing an unknown gateway's logs gives 404; PATCH replaces metadata;
DELETE …/logs deletes the oldest first; deleting a gateway deletes its logs, and `default` is recreated immediately.
"""

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.local.envelopes import Refused, checked, front_door, not_found, result, results
from cf_aig_gateway.local.gateway_settings import GatewaySettings, NewGateway
from cf_aig_gateway.local.log_query import LogDeletion, LogFingerprints, LogQuery, LogSearch
from cf_aig_gateway.local.requests import gateway_of, store_of
from cf_aig_gateway.shapes import as_object

BODY_HEADERS = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox; default-src 'none'"}
"""Stored bodies are untrusted: a browser must not run anything in them."""


class GatewayQuery(BaseModel, defer_build=True):
    """The query of GET …/gateways."""

    page: int = Field(1, ge=1)
    per_page: int = Field(20, ge=1, le=50)
    search: str = ""


class LogPatch(BaseModel, defer_build=True):
    """The body of PATCH …/logs/{id}: absent members stay, null clears, metadata is replaced."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    feedback: Annotated[float, Field(ge=-1, le=1)] | None = None
    score: Annotated[float, Field(ge=0, le=100)] | None = None
    metadata: dict[str, str | bool | int | float] | None = None


async def list_gateways(request: Request) -> Response:
    """List gateways, in order of their ids: page, per_page, search."""
    query = checked(GatewayQuery, "query", request.query_params)
    offset = (query.page - 1) * query.per_page
    gateways, total = await store_of(request).gateways(query.search, query.per_page, offset)
    return results(gateways, page=query.page, per_page=query.per_page, totals={"total_count": total})


async def create_gateway(request: Request) -> Response:
    """Create a gateway."""
    new = checked(NewGateway, "body", await request.body())
    made = await store_of(request).create_gateway(new.id, new.stored())
    if made is None:
        raise Refused(409, {"code": 7006, "message": f"Gateway {new.id} already exists."})
    return result(made)


async def get_gateway(request: Request) -> Response:
    """Return a gateway."""
    return result(await _gateway(request))


async def replace_gateway(request: Request) -> Response:
    """Change a gateway. Omitted settings stay.

    Authentication can't be turned off, as on Cloudflare since 2026-11-03.
    """
    gateway = await _gateway(request)
    given = as_object(read_json(await request.body()))
    settings = checked(GatewaySettings, "body", {**_kept(gateway, given), **given})
    if gateway.get("authentication") and not settings.authentication:
        raise Refused(400, {"code": 7001, "message": "Authentication cannot be turned off", "path": ["authentication"]})
    replaced = await store_of(request).replace_gateway(gateway_of(request), settings.stored())
    if replaced is None:
        raise not_found()
    return result(replaced)


async def delete_gateway(request: Request) -> Response:
    """Delete a gateway with its logs."""
    gateway = await _gateway(request)
    await store_of(request).delete_gateway(gateway["id"])
    return result(gateway)


async def get_url(request: Request) -> Response:
    """Return the base URL for a provider, or for `universal`. `result` is a string, as in the SDK."""
    gateway = await _gateway(request)
    provider = request.path_params["provider"]
    root = f"{str(request.base_url).rstrip('/')}/v1/{request.path_params['account']}/{gateway['id']}"
    return result(root if provider == "universal" else f"{root}/{provider}")


async def list_logs(request: Request) -> Response:
    """List logs: filters, search, the deprecated parameters, order, page, per_page, meta_info."""
    query = checked(LogQuery, "query", request.query_params)
    gateway = await _gateway(request)
    if _keeps_none(request):
        return results([], page=query.page, per_page=query.per_page, totals={"total_count": 0})
    rows, totals = await store_of(request).logs(gateway["id"], query)
    return results(rows, page=query.page, per_page=query.per_page, totals=totals)


async def search_logs(request: Request) -> Response:
    """List logs whose bodies may contain a text, or of a session: an extension.

    Its path is in the place of a log id.
    """
    if _keeps_none(request):
        raise not_found()
    query = checked(LogSearch, "query", request.query_params)
    gateway, store = await _gateway(request), store_of(request)
    if query.text and not store.has_index:
        return await not_emulated(request)
    rows, totals = await store.search(gateway["id"], query)
    return results(rows, page=query.page, per_page=query.per_page, totals=totals)


async def list_fingerprints(request: Request) -> Response:
    """List many logs with the fingerprints of their requests: an extension. Its path is in the place of a log id."""
    if _keeps_none(request):
        raise not_found()
    query = checked(LogFingerprints, "query", request.query_params)
    rows, totals = await store_of(request).fingerprints((await _gateway(request))["id"], query)
    info = json.dumps({"page": 1, "per_page": query.per_page, "count": len(rows), **totals})
    body = f'{{"result":[{",".join(rows)}],"result_info":{info},"success":true}}'
    return Response(body, media_type="application/json")


async def delete_logs(request: Request) -> Response:
    """Delete logs: filters, order, limit."""
    query = checked(LogDeletion, "query", request.query_params)
    gateway = await _gateway(request)
    await store_of(request).delete_logs(gateway["id"], query)
    return result(None)


async def get_log(request: Request) -> Response:
    """Return a log, with the sizes and beginnings of its bodies."""
    log = await store_of(request).log(gateway_of(request), request.path_params["log"])
    if log is None or _keeps_none(request):
        raise not_found()
    return result(log)


async def patch_log(request: Request) -> Response:
    """Set a log's feedback, score or metadata."""
    patch = checked(LogPatch, "body", await request.body())
    changes = patch.model_dump(exclude_unset=True)
    gateway, log = gateway_of(request), request.path_params["log"]
    if _keeps_none(request) or not await store_of(request).patch_log(gateway, log, changes):
        raise not_found()
    return result({})


async def get_request_body(request: Request) -> Response:
    """Return the stored request body unchanged."""
    return await _body(request, "request")


async def get_response_body(request: Request) -> Response:
    """Return the stored response body unchanged."""
    return await _body(request, "response")


async def query_analytics(request: Request) -> Response:
    """Answer a GraphQL query about the logs of an account's gateways."""
    from cf_aig_gateway.local import analytics  # noqa: PLC0415 (GraphQL takes 150 ms to load)

    question = checked(analytics.Question, "body", await request.body())
    return JSONResponse(await analytics.answer(store_of(request), question))


def _kept(gateway: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that an update may omit."""
    required = {name for name, field in GatewaySettings.model_fields.items() if field.is_required()}
    return {name: value for name, value in gateway.items() if name not in required or name in given}


async def not_emulated(request: Request) -> Response:
    """Not emulated."""
    return front_door(501, (7000, f"The local gateway does not emulate {request.url.path[:200]}."))


async def _body(request: Request, which: str) -> Response:
    found = await store_of(request).body(gateway_of(request), request.path_params["log"], which)
    if found is None or found[0] is None or _keeps_none(request):
        raise not_found()
    body, content_type = found
    return Response(body, headers=BODY_HEADERS | {"content-type": content_type or "application/octet-stream"})


async def _gateway(request: Request) -> dict[str, Any]:
    gateway = await store_of(request).gateway(gateway_of(request))
    if gateway is None:
        raise not_found()
    return gateway


def _keeps_none(request: Request) -> bool:
    """Whether this account's logs are in Workers Observability."""
    return request.app.state.logs == "observability"
