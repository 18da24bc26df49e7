"""What simulated providers refuse, report and answer, beyond the common path."""

import json
from pathlib import Path
from typing import Any

import pytest
from plane import chat, plane

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers.live import Live

SKY: Any = [{"role": "user", "content": "Why is the sky blue?"}]
CLAUDE = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": SKY}
VERSION = {"anthropic-version": "2023-06-01"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 4}}, "required": ["n"]}
TOOL = {"name": "f", "input_schema": SCHEMA}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "system"}]}, "messages.0.role: Input should be 'user' or 'assistant'"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
        ({"tool_choice": {"type": "any"}}, "tool_choice: tool_choice may only be specified while providing tools."),
        ({"tool_choice": {"type": "tool", "name": "g"}, "tools": [TOOL]}, "tool_choice: Tool 'g' not found in provided tools"),
    ],
)  # fmt: skip
async def test_anthropic_refuses_invalid_requests(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post("anthropic/v1/messages", json=CLAUDE | more, headers=VERSION)

    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


@pytest.mark.anyio
async def test_anthropic_requires_its_version_header(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post("anthropic/v1/messages", json=CLAUDE)

    assert answer.json()["error"]["message"] == "anthropic-version: header is required"


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["output_config", "output_format"])
async def test_anthropic_replies_under_a_schema(tmp_path: Path, name: str) -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    asked = CLAUDE | {name: {"format": form} if name == "output_config" else form}
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post("anthropic/v1/messages", json=asked, headers=VERSION)

    assert answer.json()["content"][0]["text"] == '{"n": 4}'


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("responses", {"input": "Hi"}, "missing_required_parameter"),
        ("responses", {"model": "gpt-4o-mini"}, "missing_required_parameter"),
        ("responses", {"model": "gpt-4o-mini", "input": "Hi", "tool_choice": "required"}, "invalid_value"),
        ("embeddings", {"model": "text-embedding-3-small"}, "missing_required_parameter"),
        ("embeddings", {"model": "text-embedding-3-small", "input": ["x"] * 2049}, "invalid_value"),
        ("embeddings", {"model": "text-embedding-nowhere", "input": "x"}, "model_not_found"),
        ("chat/completions", {"messages": SKY}, "missing_required_parameter"),
    ],
)
async def test_openai_names_what_is_wrong(tmp_path: Path, path: str, body: dict[str, Any], code: str) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(f"openai/{path}", json=body)

    assert answer.json()["error"]["code"] == code


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["responses", "embeddings"])
async def test_openai_takes_only_json(tmp_path: Path, path: str) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(f"openai/{path}", json=[])

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.anyio
async def test_workers_ai_embeds_refuses_and_returns_json(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        vectors = await gateway.http.post("workers-ai/@cf/baai/bge-base-en-v1.5", json={"text": ["one", "two"]})
        empty = await gateway.http.post("workers-ai/@cf/meta/llama-3.1-8b-instruct", json={})
        form = {"type": "json_schema", "json_schema": SCHEMA}
        spoken = await gateway.http.post(
            "workers-ai/@cf/meta/llama-3.1-8b-instruct", json={"prompt": "Why?", "response_format": form}
        )

    assert vectors.json()["result"]["shape"] == [2, 768]
    assert (empty.status_code, empty.json()["errors"][0]["code"]) == (400, 5006)
    assert spoken.json()["result"]["response"] == {"n": 4}


@pytest.mark.anyio
async def test_a_filtered_reply_says_so(tmp_path: Path) -> None:
    filtered = "Go [simulate: content_filter]"
    async with plane(tmp_path) as gateway:
        gpt = await gateway.http.post("compat/chat/completions", json=chat(filtered))
        asked = CLAUDE | {"messages": [{"role": "user", "content": filtered}]}
        claude = await gateway.http.post("anthropic/v1/messages", json=asked, headers=VERSION)

    assert gpt.json()["choices"][0]["finish_reason"] == "content_filter"
    assert claude.json()["stop_reason"] == "refusal"


@pytest.mark.anyio
async def test_a_requested_delay_is_applied(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await gateway.http.post("compat/chat/completions", json=chat("Go [simulate: delay=60, tokens=2]"))
        (log,) = await gateway.logs()

    assert log["duration"] >= 60
    assert log["tokens_out"] == 2


@pytest.mark.anyio
async def test_models_are_listed_and_tokens_counted(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        gpts = (await gateway.http.get("openai/models")).json()["data"]
        claudes = (await gateway.http.get("anthropic/v1/models")).json()
        counted = await gateway.http.post("anthropic/v1/messages/count_tokens", json=CLAUDE, headers=VERSION)
        refused = await gateway.http.post("anthropic/v1/messages/count_tokens", json={}, headers=VERSION)

    assert "gpt-4o-mini" in [model["id"] for model in gpts]
    assert claudes["first_id"] == claudes["data"][0]["id"]
    assert counted.json() == {"input_tokens": 6}
    assert refused.status_code == 400


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("provider", "endpoint", "compatible", "url"),
    [
        ("openai", "v1/chat/completions", False, "https://api.openai.com/v1/chat/completions"),
        ("anthropic", "v1/messages", False, "https://api.anthropic.com/v1/messages"),
        ("anthropic", "chat/completions", True, "https://api.anthropic.com/v1/chat/completions"),
        ("workers-ai", "@cf/meta/llama-3", False, "https://api.cloudflare.com/client/v4/accounts/abc/ai/run/@cf/meta/llama-3"),
        ("workers-ai", "v1/chat/completions", True, "https://api.cloudflare.com/client/v4/accounts/abc/ai/v1/chat/completions"),
    ],
)  # fmt: skip
async def test_live_mode_goes_where_the_provider_is(provider: str, endpoint: str, compatible: bool, url: str) -> None:
    call = Call(provider=provider, endpoint=endpoint, compatible=compatible, account="abc")
    async with Live({}, everything=True) as live:
        assert live.url(call) == url


@pytest.mark.anyio
@pytest.mark.parametrize("stream", [False, True])
async def test_a_chat_with_n_has_as_many_choices(tmp_path: Path, stream: bool) -> None:
    asked = chat(model="gpt-4o-mini", n=3, stream=stream, stream_options={"include_usage": True})
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post("openai/chat/completions", json=asked)
        (log,) = await gateway.logs()

    whole = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")] or [answer.json()]
    assert {choice["index"] for part in whole for choice in part["choices"]} == {0, 1, 2}
    assert whole[-1]["usage"]["completion_tokens"] % 3 == 0
    assert log["tokens_out"] == whole[-1]["usage"]["completion_tokens"]


@pytest.mark.anyio
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "tool", [{"name": "f", "parameters": SCHEMA}, {"function": {"name": "f", "parameters": SCHEMA}}]
)
async def test_workers_ai_calls_a_required_tool(tmp_path: Path, tool: dict[str, Any], stream: bool) -> None:
    asked = {"messages": SKY, "tools": [tool], "tool_choice": "required", "stream": stream}
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post("workers-ai/@cf/meta/llama-3.1-8b-instruct", json=asked)

    said = json.loads(answer.text.splitlines()[0][6:]) if stream else answer.json()["result"]
    assert said["tool_calls"] == [{"name": "f", "arguments": {"n": 4}}]
