"""How a signal affects requests in progress over HTTP."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from program import ended, served
from starlette.types import Message, Receive, Scope, Send

from cf_aig_server.transports.drain import DRAIN_S, Draining

pytestmark = pytest.mark.anyio

REQUEST: Scope = {"type": "http", "path": "/", "headers": [], "method": "GET"}


def client_of(kind: str, url: str) -> Client:
    return Client(f"{url}/mcp" if kind == "http" else sse_client(f"{url}/sse"))


@pytest.mark.parametrize("kind", ["http", "sse"])
async def test_a_call_in_progress_is_answered_after_the_signal(kind: str, tmp_path: Path) -> None:
    async with served("--transport", kind, "--local", str(tmp_path / "g.db")) as (process, url):

        async def terminate(*_: Any) -> None:
            if process.returncode is None:
                process.terminate()

        async with client_of(kind, url) as client:
            await client.list_tools()  # nothing answers it afterwards
            result = await client.call_tool(
                "chat_via_gateway",
                {"model": "openai/gpt-4o", "prompt": "Why is it blue? [simulate: delay=1500]"},
                progress_callback=terminate,
            )

        assert "blue" in str(result.content)
        await ended(process)


async def test_a_connected_client_does_not_hold_the_server_up(tmp_path: Path) -> None:
    options = ["--transport", "sse", "--local", str(tmp_path / "g.db")]
    async with served(*options) as (process, url), client_of("sse", url) as client:
        await client.list_tools()
        process.terminate()
        with anyio.fail_after(DRAIN_S - 1):
            await process.wait()


async def test_a_subscription_does_not_hold_the_server_up(tmp_path: Path) -> None:
    options = ["--transport", "http", "--local", str(tmp_path / "g.db")]
    async with served(*options) as (process, url), client_of("http", url) as client, client.listen():
        process.terminate()
        with anyio.fail_after(DRAIN_S - 1):
            await process.wait()


async def cut(*, begun: bool) -> list[Message]:
    """Drain while a request that never ends is in progress; return what its client receives."""
    sent: list[Message] = []
    under_way = anyio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        under_way.set()
        await anyio.sleep_forever()

    async def send(message: Message) -> None:
        sent.append(message)

    draining = Draining(app, busy=lambda: True, drain_s=0.05)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(draining, REQUEST, anyio.sleep_forever, send)
        await under_way.wait()
        await draining.drain()
    return sent


async def test_a_reply_that_has_started_is_ended_properly() -> None:
    sent = await cut(begun=True)

    assert sent[1:] == [{"type": "http.response.body", "body": b"", "more_body": False}]


async def test_a_request_without_a_reply_gets_an_error() -> None:
    sent = await cut(begun=False)

    assert sent[0]["status"] == 503
