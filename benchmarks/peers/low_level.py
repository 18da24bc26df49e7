"""The SDK's low-level server, rows as tab-separated text: about the minimum that the SDK allows.

`low_level.py` serves stdio, `low_level.py PORT` Streamable HTTP.
"""

import os
import sys
from typing import Any

import anyio
import httpx2
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

FIELDS = (
    "id", "created_at", "provider", "model", "success", "cached",
    "status_code", "duration", "tokens_in", "tokens_out", "cost", "path",
)  # fmt: skip
LOGS = f"/accounts/{os.environ['CLOUDFLARE_ACCOUNT_ID']}/ai-gateway/gateways/{os.environ['AI_GATEWAY_ID']}/logs"
TOOLS = [
    types.Tool(
        name="list_logs",
        description="Logged requests, newest first, one per line.",
        input_schema={"type": "object", "properties": {"per_page": {"type": "integer", "maximum": 50}}},
    ),
    types.Tool(
        name="get_log_response_body",
        description="What came back.",
        input_schema={"type": "object", "properties": {"log_id": {"type": "string"}}, "required": ["log_id"]},
    ),
]
api = httpx2.AsyncClient(
    base_url=os.environ["CLOUDFLARE_BASE_URL"],
    headers={"authorization": f"Bearer {os.environ['CLOUDFLARE_API_TOKEN']}"},
    timeout=60,
)


async def get(path: str, **query: Any) -> httpx2.Response:
    return (await api.get(LOGS + path, params=query)).raise_for_status()


async def list_tools(_: Any, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    return types.ListToolsResult(tools=TOOLS)


async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    given = params.arguments or {}
    if params.name == "list_logs":
        logs = (await get("", per_page=given.get("per_page", 20))).json()["result"]
        text = "\n".join(["\t".join(FIELDS), *("\t".join(str(log[name]) for name in FIELDS) for log in logs)])
    else:
        text = (await get(f"/{given['log_id']}/response")).text
    return types.CallToolResult(content=[types.TextContent(text=text)])


server = Server("low-level", on_list_tools=list_tools, on_call_tool=call_tool)


async def serve_stdio() -> None:
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


if sys.argv[1:]:
    import uvicorn

    app = server.streamable_http_app(json_response=True, stateless_http=True)
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
else:
    anyio.run(serve_stdio)
