"""The management API: gateways and logs, under `/client/v4/accounts/{account}/ai-gateway`."""

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cf_aig_gateway import filters
from cf_aig_gateway.local.store import Store


async def list_logs(request: Request) -> Response:
    query = request.query_params
    page, per_page = int(query.get("page", 1)), int(query.get("per_page", 20))
    try:
        clauses = filters.load(query.get("filters", "[]"))
    except ValidationError as error:
        entry = {"code": 7001, "message": error.errors()[0]["msg"], "path": ["query", "filters"]}
        return JSONResponse({"success": False, "errors": [entry], "result": {}}, 400)
    store: Store = request.app.state.store
    rows, total = await store.logs(
        request.path_params["gateway"], clauses, page=page, per_page=per_page, order="seq DESC"
    )
    info = {"page": page, "per_page": per_page, "count": len(rows), "total_count": total}
    return JSONResponse({"success": True, "result": rows, "result_info": info})


routes = [Route("/client/v4/accounts/{account}/ai-gateway/gateways/{gateway}/logs", list_logs, methods=["GET"])]
