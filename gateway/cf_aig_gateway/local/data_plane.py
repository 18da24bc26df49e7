"""The data plane: chats that go through a gateway, each logged."""

import json
import secrets
import time
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store


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
        created_at=round(started * 1000),
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


routes = [Route("/v1/{account}/{gateway}/compat/chat/completions", chat, methods=["POST"])]
