from typing import Any

import httpx2
import pytest
from mcp import Client

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

GATEWAY = {
    "id": "main",
    "collect_logs": True,
    "cache_ttl": 300,
    "rate_limiting_limit": 100,
    "rate_limiting_interval": 60,
    "rate_limiting_technique": "sliding",
    "authentication": False,
    "log_management_strategy": "STOP_INSERTING",
    "created_at": "2026-11-01T10:00:00Z",
    "otel": [{"headers": {"Authorization": "Bearer planted-secret"}}],
}


async def listed(gateways: list[dict[str, Any]], total: int, **arguments: Any) -> tuple[str, dict[str, Any]]:
    def answer(request: httpx2.Request) -> httpx2.Response:
        info = {"page": 1, "per_page": 20, "count": len(gateways), "total_count": total}
        return httpx2.Response(200, json={"success": True, "result": gateways, "result_info": info})

    settings = Settings(account_id="a" * 32, api_token="t")
    async with Client(build_server(settings, httpx2.MockTransport(answer))) as client:
        result = await client.call_tool("list_gateways", arguments)
    assert not result.is_error
    return result.content[0].text, result.structured_content


async def test_the_settings_that_explain_logs_are_shown_and_no_other() -> None:
    text, structured = await listed([GATEWAY, GATEWAY | {"id": "b", "cache_ttl": 0, "rate_limiting_limit": 0}], 2)

    assert structured["columns"] == ["id", "cache", "rate limit"]
    assert structured["rows"] == [["main", "300 s", "100 in 60 s, sliding"], ["b", "off", "off"]]
    assert structured["same"] == {
        "logs": "on",
        "authentication": "off",
        "when full": "stop inserting",
        "created": "2026-11-01",
    }
    assert "in every row: logs on" in text
    assert "planted-secret" not in text + str(structured)


async def test_more_pages_are_pointed_to() -> None:
    _, structured = await listed([GATEWAY], 30)

    assert structured["next"] == "page=2; list_logs with gateway_id"


async def test_no_gateways_is_explained() -> None:
    assert "makes the gateway default on its first authenticated request" in (await listed([], 0))[0]
    assert "No gateways match." in (await listed([], 0, search="x"))[0]


async def test_the_local_gateway_has_its_default(client: Client) -> None:
    result = await client.call_tool("list_gateways", {"search": "def"})

    assert result.structured_content["rows"][0][0] == "default"
