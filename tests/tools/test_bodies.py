from typing import Any

import pytest
from logs import a_log
from mcp import Client
from tokens import o200k

from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

BODIES = ["get_log_request_body", "get_log_response_body"]


async def read(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, {"log_id": a_log(1).id, **arguments})
    assert not result.is_error, result.content[0].text
    assert result.structured_content is None
    return result.content[0].text


async def test_what_was_sent_and_what_came_back(client: Client, store: Store) -> None:
    await store.add(a_log(1))

    assert "Why is it blue?" in await read(client, BODIES[0])
    assert "Scattering." in await read(client, BODIES[1])


@pytest.mark.parametrize("tool", BODIES)
async def test_a_missing_body_says_both_things_it_may_mean(client: Client, store: Store, tool: str) -> None:
    await store.add(a_log(1, request=None, response=None))

    result = await client.call_tool(tool, {"log_id": a_log(1).id})

    assert result.is_error
    assert "body was not stored (the API does not tell the two apart)" in result.content[0].text


@pytest.mark.parametrize("budget", [200, 2000])
async def test_a_body_over_the_budget_is_cut_and_says_how_to_read_on(client: Client, store: Store, budget: int) -> None:
    await store.add(a_log(1, request=b"word " * 20_000, request_content_type="text/plain"))

    text = await read(client, BODIES[0], budget=budget)

    assert o200k(text) <= budget
    assert "100,000 characters" in text
    assert "offset=" in text
