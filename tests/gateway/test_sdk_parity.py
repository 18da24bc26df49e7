"""The official SDK and our client, pointed at one recording server, send the same requests."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
from cloudflare import AsyncCloudflare
from serving import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.filters import Filter

pytestmark = pytest.mark.anyio

ACCOUNT = "0" * 31 + "1"
CLAUSES = [
    Filter(key="success", value=[False]),
    Filter(key="cost", operator="gt", value=[0.5]),
    Filter(key="metadata.key", value=["a"]),
    Filter(key="metadata.value", value=["b"]),
]
CLAUSES_TEXT: Any = json.dumps([clause.model_dump() for clause in CLAUSES], separators=(",", ":"))
PAGE = {"page": 2, "per_page": 10, "order_by": "created_at", "order_by_direction": "desc"}
SINCE: Any = "2026-11-21T23:00:00.000Z"

Asks = Callable[[Any], Awaitable[Any]]


class Recorder:
    """Both clients, and the requests that the server got."""

    def __init__(self, url: str, http: httpx2.AsyncClient) -> None:
        self.seen: list[tuple[str, str, list[tuple[str, str]], Any]] = []
        self.sdk = AsyncCloudflare(base_url=f"{url}/client/v4", api_token="t")
        self.ours = AIGateway(
            http,
            api_url=f"{url}/client/v4",
            data_url=f"{url}/v1",
            account=ACCOUNT,
            token=lambda: "t",
            gateway_token=lambda: "t",
            provider_keys={},
            logs="gateway",
        )


@pytest.fixture
async def recorder() -> AsyncGenerator[Recorder]:
    async def record(request: Request) -> Response:
        body = await request.body()
        path = request.scope["raw_path"].decode()
        held.seen.append(
            (request.method, path, sorted(request.query_params.multi_items()), json.loads(body or b"null"))
        )
        listed = path.endswith(("/logs", "/gateways"))
        return JSONResponse({"success": True, "result": [] if listed else {"id": "x"}, "result_info": {}})

    app = Starlette(routes=[Route("/{path:path}", record, methods=["GET", "PATCH"])])
    async with serving(app) as url, httpx2.AsyncClient() as http:
        held = Recorder(url, http)
        yield held
        await held.sdk.close()


async def drained(body: Any) -> None:
    async with body as opened:
        async for _ in opened.chunks:
            pass


CALLS: list[tuple[str, Asks, Asks]] = [
    (
        "list gateways",
        lambda sdk: sdk.list(account_id=ACCOUNT, page=2, per_page=10, search="ma"),
        lambda ours: ours.gateways(page=2, per_page=10, search="ma"),
    ),
    (
        "list logs",
        lambda sdk: sdk.logs.list(
            "main", account_id=ACCOUNT, **PAGE, start_date=SINCE, filters=CLAUSES_TEXT, search="u 1"
        ),
        lambda ours: ours.logs("main", **PAGE, start_date=SINCE, filters=CLAUSES, search="u 1"),
    ),
    (
        "one log",
        lambda sdk: sdk.logs.get("a b", account_id=ACCOUNT, gateway_id="main"),
        lambda ours: ours.log("main", "a b"),
    ),
    (
        "request body",
        lambda sdk: sdk.logs.request("L1", account_id=ACCOUNT, gateway_id="main"),
        lambda ours: drained(ours.request_body("main", "L1")),
    ),
    (
        "response body",
        lambda sdk: sdk.logs.response("L1", account_id=ACCOUNT, gateway_id="main"),
        lambda ours: drained(ours.response_body("main", "L1")),
    ),
    (
        "patch",
        lambda sdk: sdk.logs.edit(
            "L1", account_id=ACCOUNT, gateway_id="main", feedback=-1, score=50, metadata={"a": "b"}
        ),
        lambda ours: ours.patch_log("main", "L1", {"feedback": -1, "score": 50, "metadata": {"a": "b"}}),
    ),
]


@pytest.mark.parametrize(("sdk_call", "our_call"), [call[1:] for call in CALLS], ids=[call[0] for call in CALLS])
async def test_the_same_method_path_query_and_body(recorder: Recorder, sdk_call: Asks, our_call: Asks) -> None:
    await sdk_call(recorder.sdk.ai_gateway)
    await our_call(recorder.ours)

    theirs, ours = recorder.seen
    assert ours == theirs
