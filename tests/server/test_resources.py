import httpx2
import pytest
from logs import OVERLOADED, a_failed_log
from mcp import Client
from mcp.shared.exceptions import MCPError
from tokens import o200k

from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

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


async def test_a_gateway_is_its_settings(client: Client) -> None:
    text = await text_of(client, "ai-gateway://default")

    assert "id: default" in text
    assert "logs: on" in text


@pytest.mark.parametrize("uri", ["ai-gateway://no-such", LOG.format("no-such"), LOG.format("no-such/request"), "x://y"])
async def test_what_is_not_there_is_told_as_invalid_parameters(client: Client, uri: str) -> None:
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
        with pytest.raises(MCPError, match="not among those allowed: main"):
            await client.read_resource("ai-gateway://secret/logs/x")
        with pytest.raises(MCPError, match="No gateway secret"):
            await client.read_resource("ai-gateway://secret")
        listed = await client.call_tool("list_gateways", {})

    assert [template.name for template in templates] == ["gateway", "log"]
    assert "secret" not in str(listed)
