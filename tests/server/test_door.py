"""MCP over HTTP under attack: strangers get nothing, and can't tie up the server."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from serving import serving
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from cf_aig_gateway.errors import GatewayError
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_server.transports.connection import Connection
from cf_aig_server.transports.door import MAX_BODY, Door
from cf_aig_server.transports.http import http_app

pytestmark = pytest.mark.anyio

TOKEN = "correct-horse-battery"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}},
}
TAKES_JSON = {"accept": "application/json, text/event-stream"}


@asynccontextmanager
async def served(
    kind: Literal["http", "sse"] = "http", connection: type[Connection] = Connection, **settings: Any
) -> AsyncGenerator[httpx2.AsyncClient]:
    configured = Settings(**settings)
    app = http_app(build_server(configured), configured, kind, "127.0.0.1")
    async with serving(app, "on", connection) as url, httpx2.AsyncClient(base_url=url, headers=TAKES_JSON) as http:
        yield http


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        bearer(TOKEN[:-1]),
        bearer(TOKEN + "x"),
        bearer(TOKEN.upper()),
        {"authorization": TOKEN},
        {"authorization": f"Basic {TOKEN}"},
        bearer("ünïcode"),
    ],
)
@pytest.mark.parametrize("kind", ["http", "sse"])
async def test_without_the_token_every_request_is_refused(
    kind: Literal["http", "sse"], headers: dict[str, str]
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    async with served(kind, http_token=TOKEN) as http:
        answers = [await http.post("/mcp", json=HELLO, headers=raw), await http.get("/sse", headers=raw)]

    assert {answer.status_code for answer in answers} == {401}
    assert all(answer.headers["www-authenticate"].startswith("Bearer ") for answer in answers)


async def test_with_the_token_a_client_works(tmp_path: Path) -> None:
    async with served(http_token=TOKEN, local=str(tmp_path / "g.db")) as http:
        url = str(http.base_url.join("/mcp"))
        async with (
            httpx2.AsyncClient(headers=bearer(TOKEN)) as wire,
            Client(streamable_http_client(url, http_client=wire)) as client,
        ):
            result = await client.call_tool("list_gateways", {})

    assert not result.is_error


async def test_a_token_in_a_file_can_be_rotated_and_withdrawn(tmp_path: Path) -> None:
    held = tmp_path / "token"
    held.write_text("first\n")
    async with served(http_token_file=held) as http:

        async def status(token: str) -> int:
            return (await http.post("/mcp", json=HELLO, headers=bearer(token))).status_code

        assert await status("first") == 200
        held.write_text("second\n")
        assert (await status("first"), await status("second")) == (401, 200)
        held.unlink()
        assert await status("second") == 401


async def test_health_needs_no_token(tmp_path: Path) -> None:
    async with served(http_token=TOKEN) as http:
        assert (await http.get("/healthz")).status_code == 200
        unready = await http.get("/readyz")
    async with served(http_token=TOKEN, local=str(tmp_path / "g.db")) as http:
        ready = await http.get("/readyz")

    assert unready.status_code == 503
    assert "CLOUDFLARE_API_TOKEN" in unready.text
    assert (ready.status_code, ready.text) == (200, "ready\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "mcp.example.com"}, 200),
        ({"host": "mcp.example.com:8000", "origin": "https://mcp.example.com"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "mcp.example.com.evil.example"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
async def test_only_known_hosts_and_origins_are_answered(headers: dict[str, str], status: int) -> None:
    async with served(http_hosts="mcp.example.com") as http:
        answer = await http.post("/mcp", json=HELLO, headers=headers)

    assert answer.status_code == status


async def test_oversized_requests_are_refused_and_the_server_keeps_running() -> None:
    async with served() as http:
        body = await http.post("/mcp", content=b" " * (MAX_BODY + 1), headers={"content-type": "application/json"})
        port = http.base_url.port or 0
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            with anyio.fail_after(5):
                header = await refused_header(stream)
        alive = await http.post("/mcp", json=HELLO)

    assert body.status_code == 413
    assert header == b"" or b" 400 " in header
    assert alive.status_code == 200


async def refused_header(stream: anyio.abc.SocketStream) -> bytes:
    """Send a header of 10 MB, and return the answer; empty if the connection is dropped."""
    try:
        await stream.send(b"GET /mcp HTTP/1.1\r\nx: ")
        for _ in range(160):
            await stream.send(b"x" * 65536)
        return await stream.receive()
    except (anyio.BrokenResourceError, anyio.EndOfStream):
        return b""


async def test_idle_connections_do_not_block_other_clients() -> None:
    async with served() as http, AsyncExitStack() as stack:
        for _ in range(200):
            await stack.enter_async_context(await anyio.connect_tcp("127.0.0.1", http.base_url.port or 0))
        alive = await http.post("/mcp", json=HELLO)

    assert alive.status_code == 200


class Hasty(Connection):
    head_s = 0.1


@pytest.mark.parametrize("sent", [b"", b"POST /mcp HTTP/1.1\r\nHost:"], ids=["nothing", "half a head"])
async def test_headers_that_never_arrive_time_out(sent: bytes) -> None:
    async with served(connection=Hasty) as http:
        async with await anyio.connect_tcp("127.0.0.1", http.base_url.port or 0) as stream:
            with anyio.fail_after(5), pytest.raises(anyio.EndOfStream):
                await stream.send(sent)
                await stream.receive()
        alive = await http.post("/mcp", json=HELLO)

    assert alive.status_code == 200


async def test_headers_that_arrive_byte_by_byte_get_no_extra_time() -> None:
    async with (
        served(connection=Hasty) as http,
        await anyio.connect_tcp("127.0.0.1", http.base_url.port or 0) as stream,
    ):
        with anyio.fail_after(5), pytest.raises(anyio.BrokenResourceError):
            for _ in range(100):
                await stream.send(b"x")
                await anyio.sleep(0.03)


async def test_an_answer_may_take_longer_than_the_header_timeout() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await anyio.sleep(3 * Hasty.head_s)
        await PlainTextResponse("done")(scope, receive, send)

    async with serving(slow, http=Hasty) as url, httpx2.AsyncClient() as http:
        answers = [await http.get(url), await http.get(url)]

    assert [answer.text for answer in answers] == ["done", "done"]


async def test_whitespace_around_a_header_value_is_ignored() -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(f"<{Headers(scope=scope)['x']}>")(scope, receive, send)

    async with serving(echo) as url, await anyio.connect_tcp("127.0.0.1", httpx2.URL(url).port or 0) as stream:
        await stream.send(b"GET / HTTP/1.1\r\nHost: here\r\nx: \t a b \t \r\nConnection: close\r\n\r\n")
        with anyio.fail_after(5):
            answer = b"".join([part async for part in stream])

    assert answer.endswith(b"<a b>")


async def never(*_: Any) -> Any:
    raise AssertionError("the application was reached")


async def drive(messages: list[dict[str, Any]], app: ASGIApp = never) -> list[dict[str, Any]]:
    """Send a request whose body arrives in these chunks, and then nothing."""
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return messages.pop(0) if messages else await anyio.sleep_forever()

    async def send(message: Any) -> None:
        sent.append(message)

    door = Door(app, token=None, unready=str, body_s=0.05)
    await door({"type": "http", "path": "/mcp", "headers": [(b"host", b"localhost")], "method": "POST"}, receive, send)
    return sent


async def test_a_body_that_never_arrives_times_out() -> None:
    sent = await drive([{"type": "http.request", "body": b"{", "more_body": True}])

    assert sent[0]["status"] == 408


async def test_a_message_to_an_ended_stream_is_not_a_server_error() -> None:
    async def ended(scope: Any, receive: Any, send: Any) -> None:
        raise anyio.ClosedResourceError

    await drive([{"type": "http.request", "body": b"{}"}], ended)


async def test_a_client_that_disconnects_is_released() -> None:
    assert await drive([{"type": "http.disconnect"}]) == []


@pytest.mark.parametrize("settings", [{}, {"http_token": TOKEN}, {"http_hosts": "mcp.example.com"}])
async def test_another_host_needs_a_token_and_names(settings: dict[str, Any]) -> None:
    configured = Settings(**settings)

    with pytest.raises(GatewayError, match="AI_GATEWAY_HTTP_TOKEN"):
        http_app(build_server(configured), configured, "http", "0.0.0.0")


async def test_another_host_is_served_with_both() -> None:
    configured = Settings(http_token=TOKEN, http_hosts="mcp.example.com")

    assert http_app(build_server(configured), configured, "http", "0.0.0.0")
