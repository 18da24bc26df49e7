"""Answers of any size, even compressed: a call reads a limited part of each, and says so."""

import gzip
import json
from typing import Any

import httpx2
import pytest
from mcp import Client

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

TOOLS: list[tuple[str, dict[str, Any]]] = [
    ("list_gateways", {}),
    ("summarize_logs", {}),
    ("list_logs", {}),
    ("find_waste", {}),
    ("get_log_details", {"log_id": "one"}),
    ("get_log_request_body", {"log_id": "one", "view": "outline"}),
    ("get_log_response_body", {"log_id": "one", "pointer": "/a"}),
    ("search_bodies", {"text": "refund"}),
    ("compare_logs", {"log_id": "one", "other_log_id": "two"}),
    ("trace_run", {"log_id": "one"}),
    ("patch_log_feedback", {"log_id": "one", "feedback": 1}),
    ("chat_via_gateway", {"model": "openai/gpt-4o-mini", "prompt": "Hi"}),
    ("replay_log", {"log_id": "one"}),
]
LARGE = json.dumps({"success": True, "result": {"id": "one", "note": " " * 3_000_000}}).encode()
ANSWERS = {
    "plain": ({"content-type": "application/json"}, LARGE),
    "compressed": ({"content-type": "application/json", "content-encoding": "gzip"}, gzip.compress(LARGE)),
}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize(("tool", "arguments"), TOOLS, ids=[name for name, _ in TOOLS])
async def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    tool: str, arguments: dict[str, Any], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAX_ANSWER", "MAX_BODY"):
        monkeypatch.setattr(f"cf_aig_gateway.answers.{name}", 1024**2)
    headers, content = ANSWERS[kind]
    furthest = 0

    async def parts() -> Any:
        nonlocal furthest
        for start in range(0, len(content), 65536):
            furthest = max(furthest, start)
            yield content[start : start + 65536]

    settings = Settings(account_id="0" * 32, api_token="token", logs="gateway")
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=parts()))
    async with Client(build_server(settings, transport)) as client:
        result = await client.call_tool(tool, arguments)

    assert result.is_error
    assert "returned more than 1 MB, which is too much to read." in result.content[0].text
    assert furthest <= 1024**2


async def test_an_endless_stream_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cf_aig_gateway.replies.MAX_ANSWER", 1024**2)

    async def parts() -> Any:
        while True:
            yield b'data: {"choices": [{"delta": {"content": "on and on "}}]}\n\n' * 1000

    settings = Settings(account_id="0" * 32, api_token="token")
    headers = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=parts()))
    async with Client(build_server(settings, transport)) as client:
        result = await client.call_tool(
            "chat_via_gateway",
            {"model": "openai/gpt-4o-mini", "prompt": "Hi"},
            progress_callback=_ignored,
        )

    assert result.is_error
    assert "returned more than 1 MB, which is too much to read." in result.content[0].text


async def _ignored(*_: Any) -> None:
    pass


@pytest.mark.parametrize("tool", ["list_logs", "summarize_logs", "list_gateways", "search_bodies", "find_waste"])
async def test_only_the_requested_number_of_rows_is_used(tool: str) -> None:
    row = {"id": "one", "created_at": "2026-11-28T12:00:00Z", "success": False, "provider": "openai", "model": "gpt-4o"}
    answer = {"success": True, "result": [row] * 2000, "result_info": {"total_count": 70}}
    settings = Settings(account_id="0" * 32, api_token="token", logs="gateway")
    arguments = {"text": "refund"} if tool == "search_bodies" else {}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=answer))
    async with Client(build_server(settings, transport)) as client:
        text = (await client.call_tool(tool, arguments)).content[0].text

    assert "unexpectedly" not in text
    assert len(text) < 12_000
    if tool == "list_logs":
        assert "The gateway returned 2,000 rows instead of 20; the rest are left out." in text


async def test_a_page_that_is_too_large_for_its_rows_is_not_read() -> None:
    row = {"id": "one", "created_at": "2026-11-28T12:00:00Z", "success": True, "provider": "openai", "model": "gpt-4o"}
    answer = {"success": True, "result": [row] * 100_000, "result_info": {"total_count": 100_000}}
    settings = Settings(account_id="0" * 32, api_token="token", logs="gateway")
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=answer))
    async with Client(build_server(settings, transport)) as client:
        result = await client.call_tool("list_logs", {"gateway_id": "main"})

    assert result.is_error
    assert "MB for 20 rows, which is too much to read. Check the base URL." in result.content[0].text
