"""Attacks on the access control of the MCP server over HTTP and of the local gateway: one table for both.

Requests are raw bytes, as no client would write them.
"""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from serving import serving

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.door import Door as GatewayDoor
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_server.transports.connection import MAX_HEAD, Connection
from cf_aig_server.transports.door import MAX_CALLS
from cf_aig_server.transports.http import http_app

pytestmark = pytest.mark.anyio

TOKEN = b"correct-horse-battery"
LET_IN, REFUSED = "let in", "refused"
PING = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
QUESTION = b'{"query": "{ viewer { accounts { __typename } } }"}'


@dataclass(frozen=True)
class Entrance:
    """A listening server: its port, and a call that it answers."""

    port: int
    path: bytes
    body: bytes

    def call(
        self,
        *headers: bytes,
        line: bytes = b"POST %s HTTP/1.1",
        host: bytes = b"Host: localhost",
        access: bytes = b"Authorization: Bearer " + TOKEN,
        length: bytes = b"Content-Length: %d",
        body: bytes | None = None,
    ) -> bytes:
        """Return the call with some parts replaced. An empty part is left out."""
        sent = self.body if body is None else body
        head = [
            line % self.path if b"%s" in line else line,
            host,
            access,
            b"Content-Type: application/json",
            b"Accept: application/json, text/event-stream",
            b"Connection: close",
            length % len(sent) if b"%d" in length else length,
            *headers,
        ]
        return b"\r\n".join(part for part in head if part) + b"\r\n\r\n" + sent

    def chunked(self, *headers: bytes, size: bytes = b"%x\r\n", **parts: Any) -> bytes:
        """Return the call with its body in one chunk."""
        body = size % len(self.body) + self.body + b"\r\n0\r\n\r\n"
        return self.call(*headers, length=b"", body=body, **parts)

    async def answer(self, sent: bytes) -> bytes:
        """Send bytes, and return everything until the server closes the connection."""
        came = b""
        with anyio.fail_after(45):
            async with await anyio.connect_tcp("127.0.0.1", self.port) as stream:
                with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                    await stream.send(sent)
                    while True:
                        came += await stream.receive()
        return came

    async def outcome(self, sent: bytes) -> str:
        """Return whether a call is let in, and check that the server gives one answer that isn't a server error."""
        came = await self.answer(sent)
        status = came[9:12]
        if not came or (b"400" <= status < b"500" and came.count(b"HTTP/1.1 ") == 1):
            return REFUSED
        return LET_IN if status == b"200" and came.count(b"HTTP/1.1 ") == 1 else came.decode("latin-1")


@asynccontextmanager
async def entrance(kind: str, folder: Path, connection: type[Connection] = Connection) -> AsyncGenerator[Entrance]:
    """Serve the MCP server or the local gateway with a token."""
    async with AsyncExitStack() as stack:
        if kind == "mcp":
            settings = Settings(local=str(folder / "g.db"), http_token=TOKEN.decode())
            app, path, body = http_app(build_server(settings), settings, "http", "127.0.0.1"), b"/mcp", PING
        else:
            store = await stack.enter_async_context(Store(folder / "g.db"))
            app, path, body = build_app(store, token=TOKEN.decode()), b"/client/v4/graphql", QUESTION
        url = await stack.enter_async_context(serving(app, "on" if kind == "mcp" else "off", connection))
        yield Entrance(httpx2.URL(url).port or 0, path, body)


def hosts(at: Entrance) -> dict[str, tuple[bytes, str]]:
    let_in = ("localhost", "LocalHost", "127.0.0.1", "[::1]", "localhost:8787", "localhost:80\t")
    refused = (
        "",
        "evil.example",
        "localhost.",
        "localhost.evil.example",
        "evil.localhost",
        "localhost:evil",
        "localhost:",
        "localhost:80@evil.example",
        "localhost:80.evil.example",
        "localhost:999999",
        "localhost evil.example",
        "localhost, evil.example",
        "localhost/evil.example",
        "localhost#",
        "user@localhost",
        "127.1",
        "127.0.0.1.nip.io",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "::1",
        "loc\u00e5lhost",
    )
    found = {f"Host {name!r}": (at.call(host=b"Host: " + name.encode("latin-1")), LET_IN) for name in let_in}
    found |= {f"Host {name!r}": (at.call(host=b"Host: " + name.encode("latin-1")), REFUSED) for name in refused}
    return found | {
        "no Host": (at.call(host=b""), REFUSED),
        "no Host in HTTP/1.0": (at.call(host=b"", line=b"POST %s HTTP/1.0"), REFUSED),
        "a second Host": (at.call(b"Host: evil.example"), REFUSED),
        "the same Host twice": (at.call(b"host: localhost"), REFUSED),
        "the right Host second": (at.call(b"Host: localhost", host=b"Host: evil.example"), REFUSED),
        "another host in the URL": (at.call(line=b"POST http://evil.example%s HTTP/1.1"), REFUSED),
        "only a forwarded host": (at.call(b"X-Forwarded-Host: localhost", host=b"Host: evil.example"), REFUSED),
    }


def origins(at: Entrance) -> dict[str, tuple[bytes, str]]:
    let_in = ("http://localhost", "http://localhost:3000", "https://127.0.0.1:1", "http://[::1]:9", "HTTP://LOCALHOST")
    refused = (
        "",
        "null",
        "https://evil.example",
        "http://localhost.evil.example",
        "http://localhost:80.evil.example",
        "http://localhost:80@evil.example",
        "http://evil.example/http://localhost",
        "http://localhost/",
        "http://localhost, http://evil.example",
        "http://localhost http://evil.example",
        "file://",
        "ftp://localhost",
        "//localhost",
        "localhost",
        "chrome-extension://localhost",
    )
    found = {f"Origin {name!r}": (at.call(b"Origin: " + name.encode()), LET_IN) for name in let_in}
    found |= {f"Origin {name!r}": (at.call(b"Origin: " + name.encode()), REFUSED) for name in refused}
    two = at.call(b"Origin: http://localhost", b"Origin: https://evil.example")
    return found | {"two Origins": (two, REFUSED)}


def framings(at: Entrance) -> dict[str, tuple[bytes, str]]:
    te = b"Transfer-Encoding: "
    lengths = ("+%d", "-1", "0x10", "1_0", "%d, %d", "1e1", "9" * 40, "")
    encodings = (
        b"xchunked",
        b"chunked, identity",
        b"identity, chunked",
        b"gzip, chunked",
        b"chunked;q=1",
        b'"chunked"',
        b"\x0bchunked",
        b"chunked\x00",
        b"identity",
        b"",
    )
    found = {
        f"Content-Length {text!r}": (
            at.call(length=b"Content-Length: " + text.replace("%d", str(len(at.body))).encode()),
            REFUSED,
        )
        for text in lengths
    }
    found |= {f"Transfer-Encoding {name!r}": (at.chunked(te + name), REFUSED) for name in encodings}
    sizes = (
        b"%x \r\n",
        b"%x\n",
        b"0x%x\r\n",
        b"-%x\r\n",
        b"+%x\r\n",
        b"zz%x\r\n",
        b"fffffffffffffffff%x\r\n",
        b"%x\r\r\n",
    )
    found |= {f"chunk size {size!r}": (at.chunked(te + b"chunked", size=size), REFUSED) for size in sizes}
    return found | {
        "in a chunk": (at.chunked(te + b"chunked"), LET_IN),
        "in a chunk, capital letters": (at.chunked(te + b"CHUNKED"), LET_IN),
        "a length and chunks": (at.chunked(te + b"chunked", b"Content-Length: 5"), REFUSED),
        "chunks and a length": (at.chunked(b"Content-Length: 5", te + b"chunked"), REFUSED),
        "chunked twice": (at.chunked(te + b"chunked", te + b"chunked"), REFUSED),
        "chunked, then identity": (at.chunked(te + b"chunked", te + b"identity"), REFUSED),
        "a space before the colon of chunked": (at.chunked(b"Transfer-Encoding : chunked"), REFUSED),
        "chunked, folded": (at.chunked(b"Transfer-Encoding:\r\n chunked"), REFUSED),
        "chunks in HTTP/1.0": (at.chunked(te + b"chunked", line=b"POST %s HTTP/1.0"), REFUSED),
        "two lengths": (at.call(b"Content-Length: 5"), REFUSED),
        "the same length twice": (at.call(b"Content-Length: %d" % len(at.body)), REFUSED),
        "a space before the colon of a length": (at.call(length=b"Content-Length : %d"), REFUSED),
        "a request behind the last": (at.call() + at.call(), LET_IN),
        "a compressed body": (at.call(b"Content-Encoding: identity", b"Content-Encoding: gzip"), REFUSED),
    }


def heads(at: Entrance) -> dict[str, tuple[bytes, str]]:
    call = at.call()
    lines = {
        "a folded header": b"X: a\r\n b",
        "NUL in a name": b"X\x00: a",
        "NUL in a value": b"X: a\x00b",
        "a bare CR in a value": b"X: a\rY: b",
        "a bare LF in a value": b"X: a\nY: b",
        "a space in a name": b"X Y: a",
        "no colon": b"X",
        "no name": b": a",
        "a large header": b"X: " + b"a" * MAX_HEAD,
        "a huge header": b"X: " + b"a" * 10 * MAX_HEAD,
        "many headers": b"\r\n".join(b"X%d: y" % number for number in range(MAX_HEAD // 4)),
    }
    found = {name: (at.call(line), REFUSED) for name, line in lines.items()}
    starts = {
        "another version": b"POST %s HTTP/2.0",
        "a version of old": b"POST %s HTTP/0.9",
        "a version to come": b"POST %s HTTP/9.9",
        "no version": b"POST %s",
        "a method in small letters": b"post %s HTTP/1.1",
        "an unknown method": b"POSTS %s HTTP/1.1",
        "a tunnel": b"CONNECT evil.example:443 HTTP/1.1",
        "a trace": b"TRACE %s HTTP/1.1",
        "two spaces": b"POST  %s X HTTP/1.1",
        "a bare LF in the path": b"POST %s\nX HTTP/1.1",
        "a NUL in the path": b"POST %s\x00 HTTP/1.1",
        "a huge path": b"POST %s?" + b"a" * 2 * MAX_HEAD + b" HTTP/1.1",
    }
    found |= {name: (at.call(line=line.replace(b"%s", at.path)), REFUSED) for name, line in starts.items()}
    return found | {
        "bare LFs": (call.replace(b"\r\n", b"\n"), REFUSED),
        "bare CRs": (call.replace(b"\r\n", b"\r") + b"\r\n\r\n", REFUSED),
        "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REFUSED),
        "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), REFUSED),
    }


def tokens(at: Entrance) -> dict[str, tuple[bytes, str]]:
    near = (
        TOKEN[:-1],
        TOKEN[1:],
        TOKEN + b"y",
        b"x" + TOKEN,
        TOKEN.upper(),
        TOKEN.title(),
        TOKEN + b"\xa0",
        b"\xa0" + TOKEN,
        b"\t" + TOKEN,
        b'"' + TOKEN + b'"',
        TOKEN + b",",
        TOKEN + b", Bearer x",
        TOKEN + b" x",
        TOKEN + TOKEN,
        TOKEN.replace(b"-", b"%2d"),
        b"",
        b"None",
        b"null",
        b"*",
    )
    found = {f"token {text!r}": (at.call(access=b"Authorization: Bearer " + text), REFUSED) for text in near}
    right = b"Authorization: Bearer " + TOKEN
    wrong = b"Authorization: Bearer other"
    return found | {
        "the token": (at.call(), LET_IN),
        "the scheme in other letters": (at.call(access=b"authorization: bEARER " + TOKEN), LET_IN),
        "no token": (at.call(access=b""), REFUSED),
        "the token alone": (at.call(access=b"Authorization: " + TOKEN), REFUSED),
        "another scheme": (at.call(access=b"Authorization: Basic " + TOKEN), REFUSED),
        "a tab behind the scheme": (at.call(access=b"Authorization: Bearer\t" + TOKEN), REFUSED),
        "two tokens, the right one first": (at.call(wrong, access=right), REFUSED),
        "two tokens, the right one last": (at.call(right, access=wrong), REFUSED),
        "the token in the query": (at.call(access=b"", line=b"POST %s?access_token=" + TOKEN + b" HTTP/1.1"), REFUSED),
        "the token in a cookie": (at.call(access=b"Cookie: Authorization=Bearer " + TOKEN), REFUSED),
        "the token for a proxy": (at.call(access=b"Proxy-Authorization: Bearer " + TOKEN), REFUSED),
        "the token under another name": (at.call(access=b"Authorization_: Bearer " + TOKEN), REFUSED),
    }


def paths(at: Entrance) -> dict[str, tuple[bytes, str]]:
    first, _, rest = at.path[1:].partition(b"/")
    tricks = (
        b"/" + at.path,
        b"/healthz/.." + at.path,
        b"/." + at.path,
        b"/%2e%2e" + at.path,
        b"/healthz%2f.." + at.path,
        at.path + b"%00",
        at.path + b"%0d%0aX:%20y",
        at.path + b";x",
        at.path + b"/..",
        at.path + b"%20",
        at.path + b"%ff",
        at.path + b"\xff",
        at.path.upper(),
        at.path.replace(b"/", b"\\"),
        b"%2f" + first + b"/" + rest,
        first + b"/" + rest,
        b"*",
        b"?",
    )
    sent = {
        f"{'with' if access else 'without'} the token {trick!r}": (
            at.call(line=b"POST " + trick + b" HTTP/1.1", access=access),
            REFUSED,
        )
        for trick in tricks
        for access in (b"", b"Authorization: Bearer " + TOKEN)
    }
    hidden = at.call(line=b"POST %s?/healthz HTTP/1.1", access=b"")
    return sent | {
        "health in the query": (hidden, REFUSED),
        "health in a fragment": (at.call(line=b"POST %s#/healthz HTTP/1.1", access=b""), REFUSED),
    }


@pytest.mark.parametrize("kind", ["mcp", "gateway"])
@pytest.mark.parametrize("table", [hosts, origins, framings, heads, tokens, paths])
async def test_exactly_the_allowed_requests_are_let_in(
    table: Callable[[Entrance], dict[str, tuple[bytes, str]]], kind: str, tmp_path: Path
) -> None:
    async with entrance(kind, tmp_path) as at:
        cases = table(at)
        found = {name: await at.outcome(sent) for name, (sent, _) in cases.items()}
        alive = await at.outcome(at.call())

    assert found == {name: wanted for name, (_, wanted) in cases.items()}
    assert alive == LET_IN


class Hasty(Connection):
    head_s = 0.2


@pytest.mark.parametrize("kind", ["mcp", "gateway"])
async def test_a_thousand_connections_with_incomplete_headers_do_not_block_others(kind: str, tmp_path: Path) -> None:
    async with entrance(kind, tmp_path) as at, AsyncExitStack() as held:
        for number in range(1000):
            stream = await held.enter_async_context(await anyio.connect_tcp("127.0.0.1", at.port))
            if sent := at.call()[: number % 100]:
                await stream.send(sent)
        outcome = await at.outcome(at.call())

    assert outcome == LET_IN


@pytest.mark.parametrize("kind", ["mcp", "gateway"])
async def test_calls_over_the_concurrency_limit_are_answered_or_told_when_to_retry(kind: str, tmp_path: Path) -> None:
    answers: list[bytes] = []
    async with entrance(kind, tmp_path) as at:

        async def call() -> None:
            answers.append(await at.answer(at.call()))

        with anyio.fail_after(50):
            async with anyio.create_task_group() as tasks:
                for _ in range(MAX_CALLS + 50):
                    tasks.start_soon(call)

    statuses = {answer[9:12] for answer in answers}
    assert b"200" in statuses and statuses <= {b"200", b"503"}
    assert all(b"retry-after: 1" in answer for answer in answers if answer[9:12] == b"503")


@pytest.mark.parametrize("kind", ["mcp", "gateway"])
async def test_headers_that_arrive_byte_by_byte_time_out(kind: str, tmp_path: Path) -> None:
    async with entrance(kind, tmp_path, Hasty) as at:
        with anyio.fail_after(10):
            async with await anyio.connect_tcp("127.0.0.1", at.port) as stream:
                with pytest.raises((anyio.BrokenResourceError, anyio.EndOfStream)):
                    for letter in at.call()[:200]:
                        await stream.send(bytes([letter]))
                        await anyio.sleep(0.02)
                    await stream.receive()


async def test_a_caller_who_disconnects_causes_no_server_error(tmp_path: Path, caplog: Any) -> None:
    async with entrance("gateway", tmp_path) as at:
        async with await anyio.connect_tcp("127.0.0.1", at.port) as stream:
            await stream.send(at.call(length=b"Content-Length: 1000"))
        assert await at.outcome(at.call()) == LET_IN

    assert "Exception" not in caplog.text


async def driven(app: Any, path: str, chunks: list[bytes], *, ends: bool) -> int:
    """Return an application's status for a body in these chunks. An unfinished body just stops."""
    rest = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if ends:
        rest[-1]["more_body"] = False
    statuses: list[int] = []

    async def receive() -> Any:
        return rest.pop(0) if rest else await anyio.sleep_forever()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer t"), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
    }
    with anyio.fail_after(10):
        await app(scope, receive, send)
    return statuses[0]


@pytest.mark.parametrize(
    "path", ["/client/v4/graphql", f"/v1/{'0' * 32}/default/compat/chat/completions", f"/v1/{'0' * 32}/default"]
)
async def test_the_gateway_times_out_a_body_that_never_arrives(path: str, tmp_path: Path) -> None:
    async with Store(tmp_path / "g.db") as store:
        app = build_app(store)
        hasty = next(layer for layer in app.user_middleware if layer.cls is GatewayDoor)
        hasty.kwargs["body_s"] = 0.1

        assert await driven(app, path, [b"{"], ends=False) == 408


async def test_a_body_too_large_for_the_management_api_is_refused_unread(tmp_path: Path) -> None:
    async with Store(tmp_path / "g.db") as store:
        status = await driven(build_app(store), "/client/v4/graphql", [b" " * 2**20] * 100, ends=False)

    assert status == 413


async def test_calls_over_the_limit_are_told_to_retry(tmp_path: Path) -> None:
    settings = Settings(local=str(tmp_path / "g.db"))
    app = http_app(build_server(settings), settings, "http", "127.0.0.1")
    async with serving(app, "on") as url, AsyncExitStack() as held, httpx2.AsyncClient(base_url=url) as http:
        half = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        for _ in range(MAX_CALLS):
            stream = await held.enter_async_context(await anyio.connect_tcp("127.0.0.1", httpx2.URL(url).port or 0))
            await stream.send(half)
        refused = await http.post("/mcp", content=PING, headers={"content-type": "application/json"})
        health = await http.get("/healthz")

    assert (refused.status_code, refused.headers["retry-after"], health.status_code) == (503, "1", 200)
