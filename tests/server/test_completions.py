import pytest
from logs import a_failed_log, a_log
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, ResourceTemplateReference

from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

EXPLAIN = PromptReference(type="ref/prompt", name="explain_log")
COMPARE = PromptReference(type="ref/prompt", name="compare_models")
LOG = ResourceTemplateReference(type="ref/resource", uri="ai-gateway://{gateway_id}/logs/{log_id}")


async def values(client: Client, ref: PromptReference | ResourceTemplateReference, name: str, typed: str) -> list[str]:
    found = await client.complete(ref, {"name": name, "value": typed}, context_arguments={"gateway_id": "default"})
    return found.completion.values


async def test_arguments_are_completed_from_the_gateway(client: Client, store: Store) -> None:
    older, newer = a_log(1), a_failed_log(2, minutes=1, provider="anthropic", model="anthropic/claude-sonnet-4-5")
    await store.add(older)
    await store.add(newer)

    assert await values(client, EXPLAIN, "gateway_id", "def") == ["default"]
    assert await values(client, LOG, "log_id", "") == [newer.id, older.id]
    assert await values(client, LOG, "log_id", older.id) == [older.id]
    assert await values(client, COMPARE, "model", "claude") == ["anthropic/claude-sonnet-4-5"]
    assert await values(client, COMPARE, "other_model", "") == ["anthropic/claude-sonnet-4-5", "openai/gpt-4o-mini"]
    assert await values(client, COMPARE, "provider", "OPEN") == ["openai"]
    assert await values(client, COMPARE, "since", "24") == ["24h"]
    assert await values(client, COMPARE, "anything", "") == []


@pytest.mark.parametrize(
    "ref",
    [
        PromptReference(type="ref/prompt", name="no_such"),
        ResourceTemplateReference(type="ref/resource", uri="file:///{path}"),
    ],
)
async def test_an_unknown_reference_is_an_invalid_parameters_error(
    client: Client, ref: PromptReference | ResourceTemplateReference
) -> None:
    with pytest.raises(MCPError) as refused:
        await values(client, ref, "gateway_id", "")

    assert refused.value.code == -32602


@pytest.mark.parametrize(
    "settings", [Settings(), Settings(allow=["main"])], ids=["without credentials", "not an allowed gateway"]
)
async def test_without_a_readable_gateway_nothing_is_offered(settings: Settings) -> None:
    async with Client(build_server(settings)) as client:
        assert await values(client, LOG, "log_id", "") == []
