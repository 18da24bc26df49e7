"""A gateway that answers drop by drop: no call outlasts its limit, and each says what to do."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceTemplateReference

from cf_aig_server.app import build_server
from cf_aig_server.commands import doctor
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

LIMIT_S = 0.5
DROP_S = 0.05
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n"
DRIPS = {
    "nothing": b"",
    "head": b"HTTP/1.1 200 OK\r\nx-slow: ",
    "body": HEAD,
    "stream": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 100000\r\n\r\n",
}
TOOLS: list[tuple[str, dict[str, Any]]] = [
    ("list_gateways", {}),
    ("summarize_logs", {}),
    ("list_logs", {}),
    ("find_waste", {}),
    ("get_log_details", {"log_id": "one"}),
    ("get_log_request_body", {"log_id": "one"}),
    ("get_log_response_body", {"log_id": "one", "view": "raw"}),
    ("search_bodies", {"text": "refund"}),
    ("trace_run", {"log_id": "one"}),
    ("compare_logs", {"log_id": "one", "other_log_id": "two"}),
    ("patch_log_feedback", {"log_id": "one", "feedback": 1}),
    ("chat_via_gateway", {"model": "openai/gpt-4o-mini", "prompt": "Hi"}),
    ("replay_log", {"log_id": "one"}),
]
WRITES = {"patch_log_feedback", "chat_via_gateway", "replay_log"}


@asynccontextmanager
async def dripping(opening: bytes) -> AsyncGenerator[Settings]:
    """Yield settings for a gateway that sends a beginning, then a byte now and then, forever."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"

    async def answer(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            try:
                if opening:
                    await stream.send(opening)
                while True:
                    await anyio.sleep(DROP_S)
                    if opening:
                        await stream.send(b" ")
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        yield Settings(
            account_id="0" * 32,
            api_token="token",
            api_url=f"{url}/client/v4",
            data_url=f"{url}/v1",
            timeout_s=LIMIT_S,
        )
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("drip", DRIPS)
@pytest.mark.parametrize(("tool", "arguments"), TOOLS, ids=[name for name, _ in TOOLS])
async def test_a_tool_ends_within_the_limit(tool: str, arguments: dict[str, Any], drip: str) -> None:
    async with dripping(DRIPS[drip]) as settings, Client(build_server(settings)) as client:
        started = time.monotonic()
        result = await client.call_tool(tool, arguments)
        took = time.monotonic() - started

    text = result.content[0].text  # pyright: ignore
    assert result.is_error, text
    assert took < LIMIT_S + 5
    assert text.startswith(("Stopped after 0.5 s: the gateway's response was not complete", "127.0.0.1 timed out")), (
        text
    )
    if tool in WRITES and text.startswith("Stopped"):
        assert ("Nothing was sent yet" if tool == "replay_log" else "anyway: ") in text


async def test_resources_completions_and_doctor_end_within_the_limit() -> None:
    reference = ResourceTemplateReference(type="ref/resource", uri="ai-gateway://{gateway_id}")
    async with dripping(DRIPS["body"]) as settings:
        with anyio.fail_after(20):
            async with Client(build_server(settings)) as client:
                for uri in ("ai-gateway://main", "ai-gateway://main/logs/one", "ai-gateway://main/logs/one/request"):
                    with pytest.raises(MCPError, match="Stopped after"):
                        await client.read_resource(uri)
                offered = await client.complete(reference, {"name": "gateway_id", "value": ""})
                assert offered.completion.values == []
            findings = await doctor.findings_of(settings)

    assert findings[-1].mark == "fix" and findings[-1].said.startswith("Stopped after 0.5 s")
