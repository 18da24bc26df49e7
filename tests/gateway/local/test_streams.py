"""Streams through the gateway: passed on as they arrive, logged before they end."""

import json
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from plane import Plane, chat, plane

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.asgi import ASGITransport
from cf_aig_gateway.local.store import Store

COMPAT = "compat/chat/completions"
LLAMA = "@cf/meta/llama-3.1-8b-instruct"
CLAUDE: dict[str, Any] = {"model": "claude-sonnet-4-20250514", "max_tokens": 100, "stream": True}
VERSION = {"anthropic-version": "2023-06-01"}


def data(body: bytes) -> list[Any]:
    """Return the JSON of each event that has any."""
    lines = [line[6:] for line in body.decode().splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]


async def the_log(gateway: Plane) -> dict[str, Any]:
    """Return the only log, once it has appeared."""
    with anyio.fail_after(5):
        while not (logs := await gateway.logs()):  # noqa: ASYNC110 (the gateway doesn't signal that it has logged)
            await anyio.sleep(0.01)
    return logs[0]


@pytest.mark.anyio
async def test_openai_streams_a_role_words_an_end_and_usage_when_asked(tmp_path: Path) -> None:
    body = chat("Go [simulate: tokens=12]", stream=True, stream_options={"include_usage": True})
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(COMPAT, json=body)
        log = await the_log(gateway)
        stored = await gateway.stored(log["id"], "response")

    events = data(answer.content)
    words = "".join(event["choices"][0]["delta"].get("content", "") for event in events[:-1])
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert len(words.split()) == 12
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["usage"]["completion_tokens"] == 12
    assert answer.content.endswith(b"data: [DONE]\n\n")
    assert stored == answer.content
    assert (log["tokens_out"], log["status_code"], log["cost"] > 0) == (12, 200, True)
    assert log["response_content_type"] == "text/event-stream"


@pytest.mark.anyio
async def test_anthropic_streams_its_events_in_their_order(tmp_path: Path) -> None:
    body = CLAUDE | {"messages": [{"role": "user", "content": "Go [simulate: tokens=3]"}]}
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post("anthropic/v1/messages", json=body, headers=VERSION)
        log = await the_log(gateway)

    kinds = [line[7:] for line in answer.text.splitlines() if line.startswith("event: ")]
    delta = ["content_block_delta"] * 3
    assert kinds == [
        "message_start", "content_block_start", "ping", *delta, "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert (log["tokens_in"], log["tokens_out"], log["cost"] > 0) == (6, 3, True)


@pytest.mark.anyio
async def test_workers_ai_streams_words_and_then_its_usage(tmp_path: Path) -> None:
    body = {"prompt": "Go [simulate: tokens=3]", "stream": True}
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(f"workers-ai/{LLAMA}", json=body)
        log = await the_log(gateway)

    assert "".join(event["response"] for event in data(answer.content)) == "the gateway keeps"
    assert answer.content.endswith(b"data: [DONE]\n\n")
    assert log["tokens_out"] == 3


@pytest.mark.anyio
async def test_a_stream_without_usage_is_logged_with_an_estimate(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await gateway.http.post(COMPAT, json=chat("Go [simulate: tokens=12]", stream=True))
        log = await the_log(gateway)

    assert (log["tokens_in"], log["tokens_out"]) == (6, 16)  # four characters per token
    assert log["usage_metadata"]["estimated"] == 1


@pytest.mark.anyio
async def test_a_stream_is_logged_before_its_last_event_is_out(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway, gateway.http.stream("POST", COMPAT, json=chat(stream=True)) as answer:
        async for line in answer.aiter_lines():
            if line == "data: [DONE]":
                logged = [log["id"] for log in await gateway.logs()]

    assert logged == [answer.headers["cf-aig-log-id"]]


@pytest.mark.anyio
async def test_the_first_event_is_sent_long_before_the_second_arrives(tmp_path: Path) -> None:
    body = chat("Go [simulate: pace=60000]", stream=True)
    async with plane(tmp_path) as gateway, gateway.http.stream("POST", COMPAT, json=body) as answer:
        with anyio.fail_after(10):
            first = await anext(answer.aiter_bytes())

    assert data(first)[0]["choices"][0]["delta"]["role"] == "assistant"


@pytest.mark.anyio
async def test_a_stream_that_breaks_off_breaks_for_the_caller_and_in_the_log(tmp_path: Path) -> None:
    body = chat("Go [simulate: break] [simulate: tokens=40]", stream=True)
    async with plane(tmp_path) as gateway:
        with pytest.raises(httpx2.RemoteProtocolError):
            await gateway.http.post(COMPAT, json=body)
        log = await the_log(gateway)
        stored = await gateway.stored(log["id"], "response")

    assert (log["success"], log["status_code"]) == (False, 502)
    assert b"gateway" in stored
    assert b"[DONE]" not in stored


@pytest.mark.anyio
async def test_a_stream_that_breaks_off_breaks_within_one_process_too(store: Store) -> None:
    async with anyio.create_task_group() as tasks:
        wire = ASGITransport(build_app(store), tasks)
        async with httpx2.AsyncClient(transport=wire, base_url=f"http://localhost/v1/{'0' * 32}/default/") as http:
            with pytest.raises(httpx2.RemoteProtocolError):
                await http.post(COMPAT, json=chat("Go [simulate: break]", stream=True))


@pytest.mark.anyio
async def test_a_caller_who_disconnects_before_an_answer_is_logged(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        with pytest.raises(httpx2.ReadTimeout):
            await gateway.http.post(COMPAT, json=chat("Go [simulate: hang]"), timeout=0.2)
        log = await the_log(gateway)
        after = await gateway.http.post(COMPAT, json=chat())

    assert (log["success"], log["status_code"], log["cost"]) == (False, 499, 0)
    assert after.status_code == 200


@pytest.mark.anyio
async def test_a_caller_who_disconnects_in_a_stream_is_logged_with_what_had_passed(tmp_path: Path) -> None:
    body = chat("Go [simulate: tokens=100000]", stream=True)
    async with plane(tmp_path) as gateway:
        async with gateway.http.stream("POST", COMPAT, json=body) as answer:
            await anext(answer.aiter_bytes())
        log = await the_log(gateway)

    assert (log["success"], log["status_code"]) == (False, 499)
    assert log["tokens_out"] > 0
