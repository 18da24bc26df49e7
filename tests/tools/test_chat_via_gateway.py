import itertools
import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from tokens import o200k

from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

MODELS = ["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "@cf/meta/llama-3.1-8b-instruct"]


async def chatted(client: Client, **arguments: Any) -> tuple[str, dict[str, Any]]:
    given = {"model": MODELS[0], "prompt": "Why is the sky blue?"} | arguments
    result = await client.call_tool("chat_via_gateway", given)
    assert not result.is_error, result.content[0].text
    return result.content[0].text, result.structured_content


@pytest.mark.parametrize("endpoint", ["rest", "compat", "provider"])
@pytest.mark.parametrize("model", MODELS)
async def test_every_endpoint_answers_and_names_its_log(client: Client, model: str, endpoint: str) -> None:
    text, structured = await chatted(client, model=model, endpoint=endpoint)

    details = await client.call_tool("get_log_details", {"log_id": structured["log_id"]})

    assert "Why is the sky blue?" in structured["text"]
    assert structured["log_id"] in text
    assert structured["tokens_in"] > 0
    assert not details.is_error
    assert f"Succeeded: {model}" in details.content[0].text


async def test_controls_reach_the_gateway_as_its_headers() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"choices": [{"message": {"content": "Hi"}}]})

    settings = Settings(account_id="a" * 32, api_token="t")
    async with Client(build_server(settings, httpx2.MockTransport(answer))) as client:
        text, structured = await chatted(
            client,
            system="Be brief.",
            max_tokens=5,
            temperature=0,
            parameters={"reasoning_effort": "low"},
            tool_choice='{"type": "function", "function": {"name": "look"}}',
            tools=[{"type": "function", "function": {"name": "look"}}],
            cache_ttl=3600,
            skip_cache=False,
            cache_key="k",
            metadata={"user": "u1"},
            event_id="e1",
            collect_log=True,
            timeout=2000,
            max_attempts=3,
        )

    headers = {
        name.removeprefix("cf-aig-"): value for name, value in seen[0].headers.items() if name.startswith("cf-aig-")
    }
    assert headers == {
        "cache-ttl": "3600",
        "skip-cache": "false",
        "cache-key": "k",
        "metadata": '{"user": "u1"}',
        "event-id": "e1",
        "collect-log": "true",
        "request-timeout": "2000",
        "max-attempts": "3",
        "gateway-id": "default",
    }
    assert json.loads(seen[0].content) == {
        "model": MODELS[0],
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"}],
        "max_tokens": 5,
        "temperature": 0.0,
        "reasoning_effort": "low",
        "tools": [{"type": "function", "function": {"name": "look"}}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
    }
    assert "not logged" in text
    assert "log_id" not in structured


async def test_a_second_call_is_answered_from_the_cache(client: Client) -> None:
    _, first = await chatted(client, cache_ttl=60, prompt="cached?")
    _, second = await chatted(client, cache_ttl=60, prompt="cached?")

    assert (first["cache_status"], second["cache_status"]) == ("MISS", "HIT")


async def test_messages_may_be_given_whole(client: Client) -> None:
    said = [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": "Three"},
    ]

    text, _ = await chatted(client, prompt=None, messages=said)

    assert "Three" in text


async def test_metadata_and_event_id_are_on_the_log(client: Client) -> None:
    _, structured = await chatted(client, metadata={"userId": "123", "beta": True}, event_id="trace-1")

    listed = await client.call_tool("list_logs", {"metadata": {"userId": "123"}, "fields": ["event_id"]})

    assert listed.structured_content["rows"][0] == [structured["log_id"], "trace-1", "123"]


async def test_a_failure_has_the_providers_words_and_the_log(client: Client, store: Store) -> None:
    result = await client.call_tool("chat_via_gateway", {"model": MODELS[0], "prompt": "[simulate: rate_limited]"})

    assert result.is_error
    assert 'openai/gpt-4o-mini returned HTTP 429: "Rate limit reached' in result.content[0].text
    assert "get_log_details with log " in result.content[0].text


async def test_tool_calls_are_shown_in_both_channels() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"choices": [{"message": {"content": None, "tool_calls": [call]}}]})

    async with Client(
        build_server(Settings(account_id="a" * 32, api_token="t"), httpx2.MockTransport(answer))
    ) as client:
        text, structured = await chatted(client)

    assert 'tool call: {"id":"c1"' in text
    assert structured["tool_calls"] == [{"id": "c1", "name": "look", "arguments": "{}"}]


async def test_a_long_reply_is_cut_and_says_where_the_rest_is() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"choices": [{"message": {"content": "word " * 20_000}}]})

    async with Client(
        build_server(Settings(account_id="a" * 32, api_token="t"), httpx2.MockTransport(answer))
    ) as client:
        text, structured = await chatted(client)

    assert o200k(text) <= 10_000
    assert o200k(json.dumps(structured)) <= 10_000
    assert "more characters: get_log_response_body" in structured["text"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "openai/gpt-4o"}, "Give either messages"),
        ({"model": "openai/gpt-4o", "messages": []}, "Give either messages"),
        ({"model": "openai/gpt-4o", "messages": [{"role": "user"}], "prompt": "x"}, "Give either messages"),
        ({"model": "openai/gpt-4o", "messages": [{"content": "x"}]}, "Each message needs a role"),
        ({"model": "openai/gpt-4o", "prompt": "x", "event_id": "a\nb"}, "event_id must be printable ASCII"),
        ({"model": "openai/gpt-4o", "prompt": "x", "max_attempts": 6}, "max_attempts must be at most 5"),
        ({"model": "openai/no-such-model-x", "prompt": "x"}, "does not exist"),
        ({"model": "nobody/model", "prompt": "x", "endpoint": "compat"}, "provider/model"),
        ({"model": "openai/gpt-4o", "prompt": "x", "gateway_id": "nope"}, "list_gateways"),
        ({"model": "openai/gpt-4o", "prompt": "x", "gateway_id": "nope", "endpoint": "compat"}, "list_gateways"),
    ],
)
async def test_bad_input_gets_an_error_that_says_what_to_do(client: Client, given: dict[str, Any], said: str) -> None:
    result = await client.call_tool("chat_via_gateway", given)

    assert result.is_error
    assert said in result.content[0].text


async def test_a_fallback_answers_when_the_first_model_fails(client: Client) -> None:
    text, structured = await chatted(client, model="openai/no-such-model-x", fallbacks="anthropic/claude-sonnet-4-5")

    assert structured["step"] == "1"
    assert structured["provider"] == "anthropic"
    assert "step 1" in text


@pytest.fixture
async def piped(tmp_path: Path) -> AsyncGenerator[Client]:
    """A client over a pipe: in memory the SDK sends no progress token."""
    arguments = ["-m", "cf_aig_server", "serve", "--local", str(tmp_path / "piped.db")]
    async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=arguments))) as client:
        yield client


async def watched(client: Client, **given: Any) -> tuple[Any, list[str]]:
    said: list[str] = []

    async def watch(progress: float, total: float | None, message: str | None) -> None:
        said.append(message or "")

    return await client.call_tool("chat_via_gateway", given, progress_callback=watch), said


async def test_a_watched_chat_streams_and_says_the_same(piped: Client) -> None:
    for model, endpoint in itertools.product(MODELS, ["rest", "compat", "provider"]):
        given = {"model": model, "endpoint": endpoint, "prompt": "Why is the sky blue?"}
        _, whole = await chatted(piped, **given)
        result, _ = await watched(piped, **given)

        assert not result.is_error, result.content[0].text
        assert result.structured_content["text"] == whole["text"]
        assert result.structured_content["tokens_out"] == whole["tokens_out"]
        log = await piped.call_tool("get_log_details", {"log_id": result.structured_content["log_id"]})
        assert "text/event-stream" in log.content[0].text


async def test_a_watched_chat_streams_through_its_fallbacks_and_reports_progress(piped: Client) -> None:
    result, said = await watched(piped, model=MODELS[0], prompt="Go on. [simulate: delay=1200]", fallbacks=[MODELS[1]])

    assert not result.is_error, result.content[0].text
    assert said == ["1 s, waiting for the gateway"]


async def test_a_watched_chat_that_breaks_off_says_so(piped: Client) -> None:
    result, _ = await watched(piped, model=MODELS[0], prompt="Go on. [simulate: break]")

    assert result.is_error
    assert "The reply broke off after" in result.content[0].text
    assert "get_log_response_body with log " in result.content[0].text


async def test_a_cache_ttl_that_the_gateway_would_change_is_refused(client: Client) -> None:
    arguments = {"model": "openai/gpt-4o-mini", "prompt": "Hi", "cache_ttl": 5}
    result = await client.call_tool("chat_via_gateway", arguments)

    assert result.is_error
    assert result.content[0].text == "cache_ttl must be 0 or at least 60 seconds (got 5)."
