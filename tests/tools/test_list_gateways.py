import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from logs import a_failed_log, a_log
from mcp import Client

from cf_aig_gateway.local.store import Store
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
    assert "creates the default gateway on the first authenticated request" in (await listed([], 0))[0]
    assert "No gateways match." in (await listed([], 0, search="x"))[0]


async def test_the_local_gateway_has_its_default(client: Client) -> None:
    result = await client.call_tool("list_gateways", {"search": "def"})

    assert result.structured_content["rows"][0][0] == "default"


async def test_the_traffic_of_the_last_day_is_shown(client: Client, store: Store) -> None:
    now = round(time.time() * 1000)
    await store.create_gateway("staging", "{}")
    await store.add(a_log(1, created_at=now - 7_200_000))
    await store.add(a_failed_log(2, created_at=now - 3_600_000))

    result = await client.call_tool("list_gateways", {})

    columns, rows = result.structured_content["columns"], result.structured_content["rows"]
    told = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
    assert (told["default"]["calls"], told["default"]["failed"], told["staging"]["calls"]) == (2, 1, 0)
    assert (
        told["default"]["last call"] == f"{datetime.fromtimestamp((now - 3_600_000) // 300_000 * 300, UTC):%m-%d %H:%M}"
    )


async def test_gateways_are_listed_where_analytics_may_not_be_asked() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/graphql"):
            return httpx2.Response(403, json={"errors": [{"message": "not authorized"}], "data": None})
        return httpx2.Response(200, json={"success": True, "result": [GATEWAY], "result_info": {"total_count": 1}})

    async with Client(
        build_server(Settings(account_id="a" * 32, api_token="t"), httpx2.MockTransport(answer))
    ) as client:
        result = await client.call_tool("list_gateways", {})

    assert "calls" not in result.structured_content["columns"]
    assert result.structured_content["rows"][0][0] == "main"


async def test_each_limit_and_policy_of_a_single_gateway_has_a_line(client: Client, store: Store) -> None:
    rule = {
        "id": "r1", "limit": 5, "limitType": "cost", "window": 86_400,
        "model": {"mode": "filter", "values": ["gpt-4o"]}, "metadata": {"user": {"mode": "partition"}},
    }  # fmt: skip
    settings = await store.gateway("default")
    await store.replace_gateway("default", json.dumps({**(settings or {}), "spend_limits": {"rules": [rule]}}))
    action = {"type": "limit", "amount": 9, "period": "daily"}
    await store.put_resource(
        "default", "policy", "p1", {"name": "users", "actor": "{metadata.user}", "resource": "*", "action": action}
    )

    result = await client.call_tool("list_gateways", {})

    row = dict(zip(result.structured_content["columns"], result.structured_content["rows"][0], strict=True))
    assert row["spend limits"] == 1
    assert result.structured_content["bounds"] == [
        "spend limit r1: $5 per 86400 s, fixed for model gpt-4o, user each",
        "policy users: limit of $9 daily on any model for {metadata.user}",
    ]
    assert "policy users: limit of $9 daily" in result.content[0].text


async def test_settings_that_refuse_calls_are_shown_where_they_are_set() -> None:
    guarded = GATEWAY | {"byok_only": True, "guardrails": {"prompt": {"S1": "BLOCK"}}, "dlp": {"enabled": True}}

    _, structured = await listed([guarded | {"retry_max_attempts": 3}, GATEWAY | {"id": "b"}], 2)

    row = dict(zip(structured["columns"], structured["rows"][0], strict=True))
    assert (row["own keys only"], row["guardrails"], row["DLP"], row["retries"]) == (True, True, True, 3)
