"""A missing cost comes with the reason, and with what the reply itself states."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from logs import a_log
from management import ACCOUNT
from mcp import Client
from plane import chat, plane
from upstream import fake_provider

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.providers.live import Live
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

PRICE = {"account_provider_id": "ollama", "model": "llama", "model_rule": "starts-with", "cost_in": 0.25, "cost_out": 2}
CUSTOM = {"provider": "custom-ollama", "model": "custom-ollama/llama3", "cost": None}


def reply(**usage: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": "Hi"}}], "usage": usage}).encode()


async def no_cost(client: Client, store: Store, **changes: Any) -> str:
    """Return what the details of such a log say about its cost."""
    log = a_log(1, **changes)
    await store.add(log)
    result = await client.call_tool("get_log_details", {"log_id": log.id})
    return next((line for line in result.content[0].text.splitlines() if line.startswith("No cost: ")), "")


@pytest.fixture
async def paths() -> list[str]:
    return []


@pytest.fixture
async def client(store: Store, paths: list[str]) -> Any:
    class Seen(httpx2.ASGITransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            paths.append(request.url.path)
            return await super().handle_async_request(request)

    settings = Settings(account_id=ACCOUNT, api_token="t", api_url="http://127.0.0.1/client/v4")
    async with Client(build_server(settings, Seen(app=build_app(store)))) as client:
        yield client


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cost": 0.5}, ""),
        ({"cost": None, "cached": True}, ""),
        ({"cost": None, "success": False, "status_code": 500}, ""),
        (
            {"cost": None, "tokens_in": None, "tokens_out": None, "response": b"{}"},
            "No cost: neither the log nor the stored reply has token counts.",
        ),
        ({"cost": None, "model": "openai/made-up"}, "No cost: the price of made-up is unknown."),
        (
            {"cost": None, "tokens_in": 1000, "tokens_out": 100},
            "No cost: the gateway has no price for gpt-4o-mini; at the public list price it is about $0.00021.",
        ),
        (
            {"cost": None, "model": "openrouter/made-up", "response": reply(prompt_tokens=5, cost=0.0012)},
            "No cost: the price of made-up is unknown. The reply itself states $0.0012.",
        ),
        (
            CUSTOM,
            "No cost: custom provider custom-ollama has no price for llama3: set one under custom-providers/costs, "
            "or send cf-aig-custom-cost.",
        ),
    ],
)
async def test_details_say_why_a_cost_is_missing(
    client: Client, store: Store, paths: list[str], changes: dict[str, Any], said: str
) -> None:
    assert await no_cost(client, store, **changes) == said
    assert sum(path.endswith("/custom-providers/costs") for path in paths) == (changes is CUSTOM)


async def test_a_custom_provider_with_a_price_says_so(client: Client, store: Store) -> None:
    await store.put_resource("", "cost", "c1", PRICE)

    assert await no_cost(client, store, **CUSTOM) == (
        "No cost: custom-ollama has a price now (starts-with llama: cost_in 0.25, cost_out 2), "
        "but this call was not charged it: the price may be newer."
    )


async def test_a_summary_counts_what_has_no_cost_by_reason(client: Client, store: Store) -> None:
    await store.add(a_log(1, cost=None, tokens_in=None, tokens_out=None))
    await store.add(a_log(2, cost=None, model="openai/made-up"))
    for number in (3, 4):
        await store.add(a_log(number, **CUSTOM))
    asked = {"start_date": "2026-11-21T12:00Z", "end_date": "2026-11-21T13:00Z"}

    basis = (await client.call_tool("summarize_logs", asked)).structured_content["basis"]

    assert "Without usage, so counted as $0: 1 of the calls read (openai/gpt-4o-mini)." in basis
    assert "Without price, so counted as $0: 1 of the calls read (openai/made-up)." in basis
    assert "Without custom provider price, so counted as $0: 2 of the calls read" in basis


async def test_the_local_gateway_prices_its_custom_providers_calls(tmp_path: Path) -> None:
    async with (
        fake_provider("json") as fake,
        Live({"custom-ollama": f"{fake.url}/v1"}) as live,
        plane(tmp_path, upstream=live) as gateway,
    ):
        url = f"{gateway.url}/client/v4/accounts/{ACCOUNT}/ai-gateway/custom-providers/costs"
        token = {"authorization": "Bearer t"}
        other = {**PRICE, "account_provider_id": "elsewhere", "cost_in": 9, "weight": 9}
        made = [(await gateway.http.post(url, json=price, headers=token)).json()["result"] for price in (PRICE, other)]
        listed = (await gateway.http.get(url, headers=token)).json()
        await gateway.http.post("custom-ollama/v1/chat/completions", json=chat(model="llama3"))
        await gateway.http.post("custom-ollama/v1/chat/completions", json=chat(model="mistral"))
        gone = [(await gateway.http.delete(f"{url}/{made[0]['id']}", headers=token)).status_code for _ in range(2)]
        await gateway.http.post("custom-ollama/v1/chat/completions", json=chat(model="llama3"))
        bad = await gateway.http.post(url, json={"cost_in": -1}, headers=token)
        logs = await gateway.logs()

    assert [log["cost"] for log in reversed(logs)] == [3 * 0.25 + 4 * 2, None, None]
    assert [held["id"] for held in listed["result"]] == [held["id"] for held in made]
    assert {name: listed["result"][0][name] for name in PRICE} == PRICE
    assert listed["result_info"]["total_count"] == 2
    assert (gone, bad.status_code) == ([200, 404], 400)
