"""What most people would write: `MCPServer`, one pooled client, dicts returned unchanged. Serves stdio."""

import os
from typing import Any

import httpx2
from mcp.server.mcpserver import MCPServer

LOGS = f"/accounts/{os.environ['CLOUDFLARE_ACCOUNT_ID']}/ai-gateway/gateways/{os.environ['AI_GATEWAY_ID']}/logs"
server = MCPServer("usual", log_level="WARNING")
api = httpx2.AsyncClient(
    base_url=os.environ["CLOUDFLARE_BASE_URL"],
    headers={"authorization": f"Bearer {os.environ['CLOUDFLARE_API_TOKEN']}"},
    timeout=60,
)


async def get(path: str, **query: Any) -> dict[str, Any]:
    return (await api.get(LOGS + path, params=query)).raise_for_status().json()


@server.tool()
async def list_logs(per_page: int = 20) -> dict[str, Any]:
    """Logged requests, newest first."""
    return await get("", per_page=per_page)


@server.tool()
async def get_log_response_body(log_id: str) -> dict[str, Any]:
    """What came back."""
    return await get(f"/{log_id}/response")


server.run()
