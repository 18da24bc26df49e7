import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from logs import OVERLOADED, a_failed_log, a_log
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceLink
from tokens import o200k

from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_tools.cases_link import MOST_BYTES, URI

pytestmark = pytest.mark.anyio

LOG = "ai-gateway://default/logs/{}"


async def text_of(client: Client, uri: str) -> str:
    return (await client.read_resource(uri)).contents[0].text  # pyright: ignore[reportAttributeAccessIssue]


async def test_the_templates_are_those_of_a_gateway_a_log_and_its_bodies(client: Client) -> None:
    listed = (await client.list_resource_templates()).resource_templates

    assert [template.uri_template for template in listed] == [
        "ai-gateway://{gateway_id}",
        "ai-gateway://{gateway_id}/logs/{log_id}",
        "ai-gateway://{gateway_id}/logs/{log_id}/request",
        "ai-gateway://{gateway_id}/logs/{log_id}/response",
        URI,
    ]


async def test_a_log_and_its_bodies_can_be_attached(client: Client, store: Store) -> None:
    log = a_failed_log()
    await store.add(log)
    uri = LOG.format(log.id)

    assert "overloaded" in await text_of(client, uri)
    assert "Why is it blue?" in await text_of(client, f"{uri}/request")
    assert OVERLOADED["error"]["message"] in await text_of(client, f"{uri}/response")  # pyright: ignore[reportArgumentType]


async def test_a_body_stays_within_the_budget_and_masked(client: Client, store: Store) -> None:
    log = a_failed_log(request=b"sk-proj-" + b"a1B2" * 12 + b" " + b"many words " * 20_000)
    await store.add(log)

    text = await text_of(client, f"{LOG.format(log.id)}/request")

    assert o200k(text) <= 2000
    assert "sk-proj-" not in text


async def test_a_gateway_resource_shows_its_settings(client: Client) -> None:
    text = await text_of(client, "ai-gateway://default")

    assert "id: default" in text
    assert "logs: on" in text


@pytest.mark.parametrize("uri", ["ai-gateway://no-such", LOG.format("no-such"), LOG.format("no-such/request"), "x://y"])
async def test_a_missing_resource_is_an_invalid_parameters_error(client: Client, uri: str) -> None:
    with pytest.raises(MCPError) as refused:
        await client.read_resource(uri)

    assert refused.value.code == -32602


@pytest.mark.parametrize("uri", ["ai-gateway://default", LOG.format("x")])
async def test_a_server_without_credentials_says_what_to_set(uri: str) -> None:
    async with Client(build_server(Settings())) as client:
        with pytest.raises(MCPError, match="CLOUDFLARE_API_TOKEN"):
            await client.read_resource(uri)


async def test_resources_follow_the_operators_switches() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"success": True, "result": [{"id": "main"}, {"id": "secret"}]})

    settings = Settings(account_id="a" * 32, api_token="t", tools=["list_gateways", "get_log_details"], allow=["main"])
    async with Client(build_server(settings, httpx2.MockTransport(answer))) as client:
        templates = (await client.list_resource_templates()).resource_templates
        with pytest.raises(MCPError, match=r"is not allowed\. Allowed: main"):
            await client.read_resource("ai-gateway://secret/logs/x")
        with pytest.raises(MCPError, match="No gateway secret"):
            await client.read_resource("ai-gateway://secret")
        listed = await client.call_tool("list_gateways", {})

    assert [template.name for template in templates] == ["gateway", "log"]
    assert "secret" not in str(listed)


async def cases_of(client: Client, uri: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await text_of(client, uri)).splitlines()]


async def link_of(client: Client, **arguments: Any) -> ResourceLink | None:
    result = await client.call_tool("list_logs", arguments)
    assert sum(o200k(part.model_dump_json()) for part in result.content if isinstance(part, ResourceLink)) <= 200
    return next((part for part in result.content if isinstance(part, ResourceLink)), None)


async def test_logs_can_be_read_as_cases_by_the_link_that_list_logs_gives(client: Client, store: Store) -> None:
    for number in range(8):
        await store.add(a_log(number, minutes=number, metadata={"userId": f"u {number % 2}&"}))
        await store.add(a_failed_log(number + 100, minutes=number))

    link = await link_of(client, per_page=2, success=True, metadata={"userId": "u 1&"}, start_date="2026-11-21T12:02Z",
                         filters=[{"key": "duration", "operator": "gt", "value": 5}])  # fmt: skip
    assert link
    found = await cases_of(client, link.uri)

    assert link.mime_type == "application/jsonl"
    assert [case["metadata"]["log_id"][-1] for case in found] == ["7", "5", "3"]
    assert found[0]["input"] == [{"role": "user", "content": "Why is it blue?"}]


async def test_there_is_no_link_if_all_logs_are_shown_or_bodies_are_not_offered(tmp_path: Path, store: Store) -> None:
    for number in range(3):
        await store.add(a_log(number))
    settings = Settings(local=str(tmp_path / "gateway.db"), tools=["list_logs", "get_log_request_body"])

    async with Client(build_server(Settings(local=str(tmp_path / "gateway.db"), read_only=True))) as client:
        assert await link_of(client) is None
        assert await link_of(client, per_page=2)
    async with Client(build_server(settings)) as client:
        assert await link_of(client, per_page=2) is None
        with pytest.raises(MCPError, match="Unknown resource"):
            await text_of(client, "ai-gateway://default/cases")


async def test_cases_are_bounded_masked_and_say_what_is_left_out(client: Client, store: Store) -> None:
    secret = "sk-proj-" + "a1B2" * 12
    for number in range(60):
        text = f"{secret} {'many words ' * 5_000 if number % 2 else ''}"
        request = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
        await store.add(a_log(number, minutes=number, request=request.encode()))

    text = await text_of(client, "ai-gateway://default/cases")
    *found, last = [json.loads(line) for line in text.splitlines()]

    assert len(text.encode()) <= MOST_BYTES + 500
    assert "a1B2" not in text
    assert 10 < len(found) < 50
    assert found[0]["metadata"]["masked"] == "1 openai_key"
    assert f"Only {len(found)} fit here" in last["note"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("success=maybe", "success must be one of true, false"),
        ("feedback=2", "feedback must be one of -1, 0, 1"),
        ("metadata=u12", "metadata must be a JSON object"),
        ("filters=x", "filters must use list_logs syntax"),
        ("start_date=yesterday", "is not a date"),
    ],
)
async def test_a_wrong_filter_of_cases_gets_an_error(client: Client, query: str, said: str) -> None:
    with pytest.raises(MCPError, match=said):
        await text_of(client, f"ai-gateway://default/cases?{query}")


async def test_cases_of_a_gateway_that_is_not_allowed_or_not_there_are_refused(tmp_path: Path, store: Store) -> None:
    async with Client(build_server(Settings(local=str(tmp_path / "gateway.db"), allow=["main"]))) as client:
        with pytest.raises(MCPError, match=r"is not allowed\. Allowed: main"):
            await text_of(client, "ai-gateway://default/cases")
        with pytest.raises(MCPError, match="No gateway main"):
            await text_of(client, "ai-gateway://main/cases")
