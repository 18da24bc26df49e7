import json
from typing import Any

import pytest
from logs import a_failed_log, a_log
from mcp import Client
from tokens import o200k

from cf_aig_gateway.local.store import Store
from cf_aig_gateway.one_line import named

pytestmark = pytest.mark.anyio


async def detailed(client: Client, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = await client.call_tool("get_log_details", arguments)
    assert not result.is_error, result.content[0].text
    return result.content[0].text, result.structured_content


async def test_a_failure_is_explained_by_the_providers_own_words(client: Client, store: Store) -> None:
    log = a_failed_log(1, metadata={"userId": "u12", "plan": "pro"})
    await store.add(log)

    text, structured = await detailed(client, log_id=a_log(1).id)

    assert structured["summary"].startswith(
        'Failed: overloaded. openai/gpt-4o-mini returned 503:\n  "The server is overloaded"\n2026-11-21 12:00:00 UTC, 0.81 s'
    )
    assert "metadata: userId=u12 plan=pro" in text
    assert f"request {len(log.request or b'')} bytes, response {len(log.response or b'')} bytes" in text
    assert text.startswith(structured["summary"])


async def test_a_success_says_so_with_its_figures(client: Client, store: Store) -> None:
    await store.add(a_log(1, provider="groq", model="llama", duration=1500, cached=True, step=1))

    text, _ = await detailed(client, log_id=a_log(1).id)

    assert "Succeeded: groq llama returned 200." in text
    assert "1.5 s, step 1, from the gateway cache, 5 + 3 tokens, $0.0000026" in text


async def test_what_is_unknown_is_called_unknown(client: Client, store: Store) -> None:
    await store.add(a_log(1, tokens_in=None, tokens_out=None, cost=None))

    text, _ = await detailed(client, log_id=a_log(1).id)

    assert "? + ? tokens, cost unknown" in text


async def test_empty_fields_are_left_out(client: Client, store: Store) -> None:
    await store.add(a_log(1, event_id="trace-7"))

    _, structured = await detailed(client, log_id=a_log(1).id)

    assert structured["fields"]["event_id"] == "trace-7"
    assert not {"user_agent", "feedback", "metadata", "request_head", "response_head"} & set(structured["fields"])


async def test_beginnings_of_bodies_are_shown_only_on_request(client: Client, store: Store) -> None:
    await store.add(a_log(1))

    without, _ = await detailed(client, log_id=a_log(1).id)
    text, structured = await detailed(client, log_id=a_log(1).id, heads=True)

    assert "Why is it blue?" not in without
    assert "Why is it blue?" in text
    assert "Scattering." in structured["response_head"]


async def test_a_head_is_shown_as_the_body_tools_show_it_and_says_where_it_goes_on(
    client: Client, store: Store
) -> None:
    long = json.dumps({"messages": [{"role": "user", "content": "word " * 3000}]}).encode()
    await store.add(a_log(1, request=long))

    text, structured = await detailed(client, log_id=a_log(1).id, heads=True)
    small, _ = await detailed(client, log_id=a_log(1).id, heads=True, budget=200)

    assert "0 assistant: Scattering." in structured["response_head"]
    assert "word word\n└" in structured["request_head"]
    assert "after: offset=" in structured["request_head"]
    assert structured["request_head"] in text
    assert small.startswith("Succeeded: openai/gpt-4o-mini returned 200.")


@pytest.mark.parametrize("sign", ["x", "漢", '"', "🧪", "0f9c"])
@pytest.mark.parametrize("budget", [200, 2000])
async def test_the_budget_holds_for_any_log(client: Client, store: Store, sign: str, budget: int) -> None:
    flood = sign * 20_000
    await store.add(
        a_failed_log(
            1,
            model=flood[:500],
            metadata={f"key{number}": flood[:3000] for number in range(5)},
            user_agent=flood[:3000],
            usage_metadata={"note": flood},
            request=flood.encode(),
            response=json.dumps({"error": {"message": flood}}).encode(),
        )
    )

    text, structured = await detailed(client, log_id=a_log(1).id, heads=True, budget=budget)

    assert o200k(text) <= budget
    assert o200k(json.dumps(structured, ensure_ascii=False)) <= budget


@pytest.mark.parametrize("log_id", ["abc123", "../default", "a/b", "100%", "a b", "%2e%2e", "ü", "x" * 200])
async def test_an_unknown_log_says_where_to_look(client: Client, log_id: str) -> None:
    result = await client.call_tool("get_log_details", {"log_id": log_id})

    assert result.is_error
    assert f"No log {named(log_id)} in gateway default. list_logs shows" in result.content[0].text


CONVERSE = {"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}, "stopReason": "end_turn", "usage": {"inputTokens": 1000, "outputTokens": 200}}  # fmt: skip
GEMINI = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}}], "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 150, "thoughtsTokenCount": 50}}  # fmt: skip
OPENROUTER = {"choices": [{"message": {"content": "Hi"}}], "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "cost": 0.0321}}  # fmt: skip


@pytest.mark.parametrize(
    "counts", [{"tokens_in": 0, "tokens_out": 0, "cost": 0}, {"tokens_in": None, "tokens_out": None, "cost": None}]
)
@pytest.mark.parametrize(
    ("provider", "model", "body", "said"),
    [
        ("aws-bedrock", "aws-bedrock/us.amazon.nova-micro-v1:0", CONVERSE, "1000 + 200 tokens, $0.000063\nThe log has no token counts; these are from the stored reply; the cost is the model's list price."),
        ("google-ai-studio", "google-ai-studio/gemini-2.5-flash", GEMINI, "1000 + 200 tokens, $0.0008\nThe log has no token counts; these are from the stored reply; the cost is the model's list price."),
        ("openrouter", "openrouter/no-such-model", OPENROUTER, "1000 + 200 tokens, $0.0321\nThe log has no token counts; these are from the stored reply; so is the cost."),
    ],
)  # fmt: skip
async def test_tokens_stated_only_in_the_stored_reply_are_shown_with_their_source(
    client: Client, store: Store, counts: dict[str, Any], provider: str, model: str, body: Any, said: str
) -> None:
    await store.add(a_log(1, provider=provider, model=model, response=json.dumps(body).encode(), **counts))

    text, structured = await detailed(client, log_id=a_log(1).id)

    assert said in text
    assert said in structured["summary"]


async def test_the_steps_of_one_call_are_shown_together(client: Client, store: Store) -> None:
    await store.add(a_failed_log(1, event_id="e1"))
    await store.add(a_log(2, step=1, event_id="e1", minutes=0.1, model="anthropic/claude"))
    await store.add(a_log(3, event_id="e1", minutes=1))

    for number in (1, 2):
        text, _ = await detailed(client, log_id=a_log(number).id)
        assert (
            f"Steps of this call: 0 openai/gpt-4o-mini 503 overloaded {a_log(1).id}; 1 anthropic/claude 200 {a_log(2).id}."
            in text
        )
    assert "Steps of this call" not in (await detailed(client, log_id=a_log(3).id))[0]
