"""Answers with shapes, figures and dates that no API should send: every tool handles them in its own words."""

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
    ("summarize_logs", {"group_by": "session"}),
    ("list_logs", {}),
    ("find_waste", {}),
    ("list_logs", {"order_by": "metadata.a"}),
    ("get_log_details", {"log_id": "one"}),
    ("get_log_request_body", {"log_id": "one"}),
    ("get_log_response_body", {"log_id": "one", "search": "a"}),
    ("search_bodies", {"text": "refund"}),
    ("compare_logs", {"log_id": "one", "other_log_id": "two"}),
    ("trace_run", {"log_id": "one"}),
    ("patch_log_feedback", {"log_id": "one", "feedback": 1}),
    ("chat_via_gateway", {"model": "openai/gpt-4o-mini", "prompt": "Hi"}),
    ("replay_log", {"log_id": "one"}),
]
INFINITE = (
    '{"id": "one", "created_at": "2026-11-28T12:00:00Z", "success": true, "status_code": 200, "duration": 1e999, '
    '"cost": 1e999, "tokens_in": 1e999, "tokens_out": -1e999, "step": 1e9, "feedback": 1e999, '
    '"usage_metadata": {"input_cached_tokens": 1e999}, "timings": {"latency": 1e999}, "model": "openai/gpt-4o", '
    '"provider": "openai", "metadata": {"a": 1e999}}'
)
DEEP = "[" * 20_000 + "]" * 20_000


def result(written: str, total: str = "2") -> str:
    return f'{{"success": true, "result": {written}, "result_info": {{"total_count": {total}}}}}'


ANSWERS = {
    "a number": result("5"),
    "a text": result('"x"'),
    "a flag": result("true"),
    "a list of numbers": result("[1, 2]"),
    "a list of lists": result("[[1], [2]]"),
    "a deep result": result(DEEP),
    "nothing but depth": DEEP,
    "infinite figures of logs": result(f"[{INFINITE}, {INFINITE}]"),
    "infinite figures of a log": result(INFINITE),
    "an infinite total": result("[]", "1e999"),
    "a negative total": result("[]", "-7"),
    "nothing": "",
    "dates that are none": result(
        json.dumps(
            [{"id": "one", "created_at": "9999-99-99"}, {"id": "two", "created_at": "0001-01-01T00:00:00+14:00"}]
        )
    ),
    "negative figures": result(
        json.dumps([{"id": "one", "duration": -5, "tokens_in": -3, "cost": -1, "status_code": -1, "step": -4}])
    ),
    "no number": result('[{"id": "one", "cost": NaN}]'),
    "errors that are none": '{"success": false, "errors": [[1], 5, null]}',
    "figures of four hundred digits": result(f'[{{"id": "one", "tokens_in": {"9" * 400}, "step": {"9" * 30}}}]'),
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_whatever_is_answered_no_tool_fails_unexpectedly(answer: str) -> None:
    content, headers = ANSWERS[answer].encode(), {"content-type": "application/json"}
    settings = Settings(account_id="0" * 32, api_token="token", logs="gateway")
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=content, headers=headers))
    async with Client(build_server(settings, transport)) as client:
        for tool, arguments in TOOLS:
            said = (await client.call_tool(tool, arguments)).content[0].text

            assert said
            assert "unexpectedly" not in said
