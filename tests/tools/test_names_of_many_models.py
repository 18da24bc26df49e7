"""Names that stand for several models: where they are sent, and what is shown about the model that answered."""

import json
from typing import Any

import httpx2
import pytest
from mcp import Client

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

ROUTE = {
    "id": "r1",
    "name": "support",
    "elements": [
        {"id": "s", "type": "start", "outputs": {"next": {"elementId": "m1"}}},
        {"id": "m1", "type": "model", "properties": {"provider": "openai", "model": "gpt-4o", "timeout": 900}},
        {"id": "m2", "type": "model", "properties": {"provider": "workers-ai", "model": "@cf/meta/llama-3.1-8b"}},
        {"id": "e", "type": "end"},
    ],
}
HEADERS = {"cf-aig-routed-model": "openai/gpt-4o", "cf-aig-routing-reason": "cost_optimal_within_pool"}


class Cloudflare:
    """An account whose only log asked for `name`. Records its requests."""

    def __init__(self, name: str, routes: int = 200) -> None:
        self.seen: list[httpx2.Request] = []
        self.name = name
        self.routes = routes

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        path = request.url.path
        if path.endswith("/chat/completions"):
            return httpx2.Response(200, json={"choices": [{"message": {"content": "Hi"}}]}, headers=HEADERS)
        if path.endswith("/routes"):
            return httpx2.Response(self.routes, json={"success": True, "result": {"routes": [ROUTE]}})
        body = {"model": self.name, "messages": [{"role": "user", "content": "Hi"}]}
        if path.endswith("/request"):
            return httpx2.Response(200, json=body)
        log: dict[str, Any] = {
            "id": "l1", "provider": "workers-ai", "model": "@cf/meta/llama-3.1-8b", "success": True, "step": 1,
            "status_code": 200, "path": "/v1/a/main/compat/chat/completions", "request_head": json.dumps(body),
            "response_head": '{"choices":[{"message":{"content":"Hi"}}]}', "response_head_complete": True,
        }  # fmt: skip
        return httpx2.Response(200, json={"success": True, "result": log})

    async def told(self, tool: str, **arguments: Any) -> str:
        settings = Settings(account_id="a" * 32, api_token="t", logs="gateway")
        async with Client(build_server(settings, httpx2.MockTransport(self.answer))) as client:
            result = await client.call_tool(tool, arguments)
        assert not result.is_error, result.content[0].text
        return result.content[0].text


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("dynamic/support", "/v1/" + "a" * 32 + "/default/compat/chat/completions"),
        ("cloudflare/auto", "/v1/" + "a" * 32 + "/default/compat/chat/completions"),
        ("custom/small", "/client/v4/accounts/" + "a" * 32 + "/ai/v1/chat/completions"),
    ],
)
async def test_each_name_is_sent_to_the_endpoint_that_serves_it(name: str, path: str) -> None:
    account = Cloudflare(name)

    text = await account.told(
        "chat_via_gateway", model=name, prompt="Hi", session_id="s1", allowed_models=["a/b", "c/d"]
    )

    (asked,) = account.seen
    assert (asked.url.path, json.loads(asked.content)["model"]) == (path, name)
    assert asked.headers["cf-aig-session-id"] == "s1"
    assert asked.headers["cf-aig-allowed-models"] == "a/b,c/d"
    assert "openai/gpt-4o through default" in text
    assert "chosen by cost_optimal_within_pool" in text


@pytest.mark.parametrize("name", ["dynamic/support", "cloudflare/auto", "custom/small"])
async def test_a_replay_goes_where_the_call_went(name: str) -> None:
    account = Cloudflare(name)

    assert f"It would go to {name} through default" in await account.told("replay_log", log_id="l1")


async def test_details_name_the_requested_and_the_answering_model() -> None:
    text = await Cloudflare("dynamic/support").told("get_log_details", log_id="l1")
    refused = await Cloudflare("dynamic/support", routes=403).told("get_log_details", log_id="l1")
    router = Cloudflare("cloudflare/auto")

    answered = "Requested dynamic/support: @cf/meta/llama-3.1-8b answered, as step 1."
    assert f"{answered} Route models, in order: openai/gpt-4o, @cf/meta/llama-3.1-8b." in text
    assert answered in refused
    assert "Requested cloudflare/auto: @cf/meta/llama-3.1-8b answered" in await router.told(
        "get_log_details", log_id="l1"
    )
    assert not any(request.url.path.endswith("/routes") for request in router.seen)


async def test_a_plain_model_causes_no_request_for_routes() -> None:
    account = Cloudflare("openai/gpt-4o")

    assert "Asked for" not in await account.told("get_log_details", log_id="l1")
    assert len(account.seen) == 1
