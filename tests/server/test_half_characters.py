"""Half a character, as `"\\ud800"` in JSON, from a client, a gateway or a provider: every call is answered."""

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from program import PROGRAM, ended, served
from serving import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cf_aig_gateway.json_text import load_json, mended, whole

pytestmark = pytest.mark.anyio

HALF = "\ud800"
REPLACED = "\ufffd"
LOG = {
    "id": "one",
    "created_at": "2026-11-27T10:00:00Z",
    "provider": "openai",
    "model": f"gpt{HALF}",
    "success": False,
    "status_code": 400,
    "path": "chat/completions",
    "user_agent": f"curl{HALF}",
    "metadata": {f"key{HALF}": f"value{HALF}"},
    "request_head": json.dumps({"model": f"gpt{HALF}", "messages": [{"role": "user", "content": HALF}]}),
    "response_head": json.dumps({"error": {"message": f"no such model {HALF}", "type": HALF}}),
}
ASKED = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": HALF}], "user": HALF}
CALLED = {"name": HALF, "arguments": json.dumps({"city": HALF})}
ANSWERED = {
    "model": f"gpt{HALF}",
    "choices": [
        {
            "message": {"content": f"Hi{HALF}", "tool_calls": [{"id": HALF, "function": CALLED}]},
            "finish_reason": f"stop{HALF}",
        }
    ],
}
REFUSED = {"success": False, "errors": [{"code": 7001, "message": f"Bad {HALF}"}], "result": None}


def _envelope(result: Any) -> dict[str, Any]:
    info = {"page": 1, "per_page": 20, "count": 1, "total_count": 1}
    return {"success": True, "errors": [], "result": result, "result_info": info}


async def _answer(request: Request) -> Response:
    """Answer as Cloudflare would, with half a character in every text."""
    path = request.url.path
    body: Any = _envelope([LOG])
    status = 200
    if "refused" in path or path.endswith("/graphql") or "refused" in request.headers.get("cf-aig-gateway-id", ""):
        body, status = REFUSED, 400
    elif path.endswith("chat/completions"):
        body = ANSWERED
    elif path.endswith("/request"):
        body = ASKED
    elif path.endswith("/response"):
        body = ANSWERED
    elif path.endswith("/gateways"):
        body = _envelope([{"id": f"main{HALF}"}])
    elif "/logs/" in path:
        body = _envelope(LOG)
    return Response(json.dumps(body), status, {"cf-aig-log-id": "one"}, media_type="application/json")


@dataclass
class Wire:
    """The program over stdio, with half characters in requests, which official clients can't send."""

    process: Process
    lines: BufferedByteReceiveStream
    sent: int = 0

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the answer to one request, which is the next line."""
        self.sent += 1
        message = {"jsonrpc": "2.0", "id": self.sent, "method": method, "params": params}
        assert self.process.stdin
        await self.process.stdin.send(json.dumps(message).encode() + b"\n")
        answer = json.loads(await self.lines.receive_until(b"\n", 1_000_000))
        assert answer["id"] == self.sent
        return answer

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a tool."""
        return (await self.ask("tools/call", name=name, arguments=arguments))["result"]


@asynccontextmanager
async def reader() -> AsyncGenerator[Wire]:
    """Yield the program over stdio, with its gateway on a socket."""
    app = Starlette(routes=[Route("/{path:path}", _answer, methods=["GET", "POST", "PATCH"])])
    async with serving(app) as url:
        environment = {
            "CLOUDFLARE_BASE_URL": f"{url}/client/v4",
            "AI_GATEWAY_BASE_URL": f"{url}/v1",
            "CLOUDFLARE_ACCOUNT_ID": "0" * 32,
            "CLOUDFLARE_API_TOKEN": "token",
        }
        with anyio.fail_after(30):
            async with await anyio.open_process([*PROGRAM, "serve"], env=os.environ | environment) as process:
                assert process.stdin and process.stdout
                wire = Wire(process, BufferedByteReceiveStream(process.stdout))
                await wire.ask("initialize", **HANDSHAKE)
                await process.stdin.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
                yield wire
                await process.stdin.aclose()
                await ended(process)


HANDSHAKE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("list_gateways", {}),
    ("list_gateways", {"search": HALF}),
    ("list_logs", {}),
    ("find_waste", {}),
    ("list_logs", {"gateway_id": "refused"}),
    ("list_logs", {"search": HALF}),
    ("list_logs", {"model": HALF, "metadata": {HALF: HALF}}),
    ("summarize_logs", {}),
    ("get_log_details", {"log_id": "one", "heads": True}),
    ("get_log_details", {"log_id": HALF}),
    ("get_log_request_body", {"log_id": "one"}),
    ("get_log_request_body", {"log_id": "one", "view": "raw"}),
    ("get_log_request_body", {"log_id": "one", "search": HALF}),
    ("trace_run", {"log_id": "one"}),
    ("trace_run", {"metadata": {"session": HALF}}),
    ("search_bodies", {"text": HALF}),
    ("search_bodies", {"regex": f"[{HALF}x]"}),
    ("get_log_request_body", {"log_id": "one", "pointer": f"/{HALF}"}),
    ("get_log_response_body", {"log_id": "one"}),
    ("get_log_response_body", {"log_id": "one", "view": "outline"}),
    ("compare_logs", {"log_id": "one", "other_log_id": "two"}),
    ("patch_log_feedback", {"log_id": "one", "feedback": 1, "metadata": {HALF: HALF}}),
    ("chat_via_gateway", {"model": "openai/gpt-4o-mini", "prompt": HALF, "metadata": {"user": HALF}}),
    ("chat_via_gateway", {"model": f"openai/{HALF}", "prompt": "Hi"}),
    ("chat_via_gateway", {"model": "openai/gpt-4o-mini", "prompt": "Hi", "gateway_id": "refused"}),
    ("replay_log", {"log_id": "one"}),
    ("list_logs", {HALF: 1}),
]


async def test_every_tool_answers_whatever_half_characters_it_is_given_or_reads() -> None:
    async with reader() as wire:
        results = [await wire.call(name, arguments) for name, arguments in CALLS]

    assert [result for result in results if not result["content"]] == []
    assert REPLACED in str(results[2]["structuredContent"])


async def test_a_replay_of_a_request_with_half_a_character_is_sent() -> None:
    async with reader() as wire:
        shown = await wire.call("replay_log", {"log_id": "one"})
        sent = await wire.call("replay_log", {"log_id": "one", "code": shown["structuredContent"]["code"]})

    assert "isError" not in sent or not sent["isError"], sent
    assert f"Hi{REPLACED}" in str(sent["content"])


async def test_errors_of_the_protocol_echo_no_half_character() -> None:
    reference = {"type": "ref/resource", "uri": "ai-gateway://{gateway_id}"}
    async with reader() as wire:
        unknown = await wire.ask("tools/call", name=f"no{HALF}", arguments={})
        errors = [
            unknown,
            await wire.ask("prompts/get", name=f"no{HALF}"),
            await wire.ask("resources/read", uri=f"ai-gateway://main/logs/{HALF}/none"),
            await wire.ask(f"no/{HALF}"),
        ]
        completed = await wire.ask("completion/complete", ref=reference, argument={"name": "gateway_id", "value": HALF})

    assert [error for error in errors if "error" not in error] == []
    assert unknown["error"]["message"].startswith(f"Unknown tool: no{REPLACED}")
    assert completed["result"]["completion"]["values"] == [f"main{REPLACED}"]


@pytest.mark.parametrize("half", [HALF, "\udfff", f"\\{HALF}", f"{HALF}x{HALF}"])
async def test_over_http_a_call_with_half_a_character_is_answered(half: str) -> None:
    call = {"name": "get_log_details", "arguments": {"log_id": half}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    async with served("--transport", "http", "--local") as (_, url), httpx2.AsyncClient() as http:
        answer = await http.post(f"{url}/mcp", content=json.dumps(message), headers=headers)

    assert answer.status_code in {200, 400}
    assert '"error"' in answer.text or '"isError":true' in answer.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb'"\ud800"', '"\ufffd"'),
        (rb'"\uD83D\uDE00"', '"\U0001f600"'),
        (rb'"\ud83d\ud83d\ude00"', '"\ufffd\U0001f600"'),
        (rb'"\ude00\ud83d"', '"\ufffd\ufffd"'),
        (rb'"\\ud800"', '"\\\\ud800"'),
        (rb'"\\\ud800"', '"\\\\\ufffd"'),
        (rb'"plain \u00e9"', '"plain \u00e9"'),
    ],
)
async def test_only_half_characters_are_replaced(text: bytes, expected: str) -> None:
    assert load_json(text) == json.loads(expected)
    assert json.loads(mended(text)) == json.loads(expected)


async def test_keys_and_nested_texts_are_made_whole() -> None:
    assert whole({HALF: [HALF, {"a": f"b{HALF}"}], "n": 1}) == {REPLACED: [REPLACED, {"a": f"b{REPLACED}"}], "n": 1}
