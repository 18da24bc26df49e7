"""The product documentation's own code samples, over real HTTP: only the host differs."""

from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from plane import Plane, plane

HELLO: Any = [{"role": "user", "content": "Hello!"}]
CLAUDE = {"model": "claude-sonnet-4-20250514", "max_tokens": 1024, "messages": HELLO}
CLAUDE_HEADERS = {"x-api-key": "sk-ant-key", "anthropic-version": "2023-06-01", "content-type": "application/json"}
LLAMA = "workers-ai/@cf/meta/llama-3.1-8b-instruct"
OPENAI = "openai/chat/completions"
GPT_4 = {"model": "gpt-4", "messages": HELLO}


async def cache_status(gateway: Plane, **headers: str) -> str:
    named = {"authorization": "Bearer sk-key", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return (await gateway.http.post(OPENAI, json=GPT_4, headers=named)).headers["cf-aig-cache-status"]


def compat(gateway: Plane) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="sk-key", base_url=f"{gateway.gateway_url}/compat")


@pytest.mark.anyio
async def test_the_unified_api_with_the_openai_sdk(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway, compat(gateway) as client:
        reply = await client.chat.completions.create(model="anthropic/claude-sonnet-4-20250514", messages=HELLO)

    assert reply.choices[0].message.content


@pytest.mark.anyio
async def test_anthropic_on_its_own_path(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        reply = await gateway.http.post("anthropic/v1/messages", json=CLAUDE, headers=CLAUDE_HEADERS)

    assert reply.json()["content"][0]["text"]


@pytest.mark.anyio
@pytest.mark.parametrize("body", [{"messages": HELLO}, {"prompt": "Hello!"}])
async def test_workers_ai_on_its_own_path(tmp_path: Path, body: dict[str, Any]) -> None:
    async with plane(tmp_path) as gateway:
        reply = await gateway.http.post(LLAMA, json=body, headers={"authorization": "Bearer cf-token"})

    assert reply.json()["result"]["response"]


@pytest.mark.anyio
async def test_a_reply_is_cached_for_an_hour(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        statuses = [await cache_status(gateway, cf_aig_cache_ttl="3600") for _ in range(2)]

    assert statuses == ["MISS", "HIT"]


@pytest.mark.anyio
async def test_the_cache_is_skipped(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        kept = await cache_status(gateway, cf_aig_cache_ttl="3600")
        skipped = await cache_status(gateway, cf_aig_cache_ttl="3600", cf_aig_skip_cache="true")

    assert (kept, skipped) == ("MISS", "MISS")


@pytest.mark.anyio
async def test_a_custom_cache_key_names_the_reply(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        statuses = [await cache_status(gateway, cf_aig_cache_key="custom-key-123") for _ in range(2)]

    assert statuses == ["MISS", "HIT"]


@pytest.mark.anyio
@pytest.mark.parametrize(("key", "step", "kind"), [("sk-ant-key", "0", "message"), ("invalid", "1", "chat.completion")])
async def test_claude_answers_or_gpt_4_as_a_fallback(tmp_path: Path, key: str, step: str, kind: str) -> None:
    steps = [
        {"provider": "anthropic", "endpoint": "v1/messages", "headers": {**CLAUDE_HEADERS, "x-api-key": key}, "query": CLAUDE},
        {"provider": "openai", "endpoint": "chat/completions", "headers": {"authorization": "Bearer sk-key"}, "query": GPT_4},
    ]  # fmt: skip
    async with plane(tmp_path) as gateway:
        reply = await gateway.http.post(gateway.gateway_url, json=steps)

    body = reply.json()
    assert (reply.headers["cf-aig-step"], body.get("object") or body["type"]) == (step, kind)


@pytest.mark.anyio
async def test_feedback_goes_to_the_log_of_a_reply(tmp_path: Path) -> None:
    feedback = {"feedback": 1, "metadata": {"userId": "123", "sessionId": "abc"}}
    async with plane(tmp_path) as gateway:
        reply = await gateway.http.post(OPENAI, json=GPT_4)
        patched = await gateway.manage("PATCH", f"default/logs/{reply.headers['cf-aig-log-id']}", json=feedback)
        (log,) = await gateway.logs()

    assert patched.json()["success"]
    assert {name: log[name] for name in feedback} == feedback


@pytest.mark.anyio
async def test_the_debugging_workflow(tmp_path: Path) -> None:
    long = {"model": "gpt-4", "messages": [{"role": "user", "content": "word " * 12_000}]}
    async with plane(tmp_path) as gateway:
        await gateway.http.post(OPENAI, json=GPT_4)
        await gateway.http.post(OPENAI, json=long)
        failed = (await gateway.manage("GET", "default/logs?success=false")).json()["result"]
        detail = (await gateway.manage("GET", f"default/logs/{failed[0]['id']}")).json()["result"]
        asked = httpx2.Response(200, content=await gateway.stored(failed[0]["id"], "request")).json()
        answered = httpx2.Response(200, content=await gateway.stored(failed[0]["id"], "response")).json()

    assert [log["status_code"] for log in failed] == [400]
    assert detail["model"] == "openai/gpt-4"
    assert asked == long
    assert answered["error"]["code"] == "context_length_exceeded"
