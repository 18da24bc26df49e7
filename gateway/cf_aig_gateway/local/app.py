"""The local gateway as one Starlette application."""

import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cf_aig_gateway import filters
from cf_aig_gateway.local.store import Record, Store


def build_app(store: Store) -> Starlette:
    """Return the application over an open store."""
    app = Starlette(
        routes=[
            Route("/client/v4/accounts/{account}/ai-gateway/gateways/{gateway}/logs", list_logs, methods=["GET"]),
            Route("/v1/{account}/{gateway}/compat/chat/completions", chat, methods=["POST"]),
        ]
    )
    app.state.store = store
    return app


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
        request.path_params["gateway"], clauses, page=page, per_page=per_page, order="created_at DESC"
    )
    info = {"page": page, "per_page": per_page, "count": len(rows), "total_count": total}
    return JSONResponse({"success": True, "result": rows, "result_info": info})


async def chat(request: Request) -> Response:
    started = time.time()
    asked = await request.body()
    body: dict[str, Any] = json.loads(asked)
    provider, _, model = str(body["model"]).partition("/")
    answer = {
        "object": "chat.completion",
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Blue light scatters most."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10},
    }
    reply = json.dumps(answer).encode()
    record = Record(
        id=str(_uuid7(started)),
        gateway=request.path_params["gateway"],
        created_at=datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        provider=provider,
        model=f"{provider}/{model}",
        success=True,
        status_code=200,
        duration=round((time.time() - started) * 1000),
        tokens_in=5,
        tokens_out=5,
        request=asked,
        response=reply,
    )
    store: Store = request.app.state.store
    await store.add(record)
    return Response(reply, media_type="application/json", headers={"cf-aig-log-id": record.id})


def _uuid7(at: float) -> UUID:
    value = (int(at * 1000) << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (7 << 76)
    return UUID(int=(value & ~(0b11 << 62)) | (0b10 << 62))
