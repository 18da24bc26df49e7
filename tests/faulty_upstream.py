"""An upstream on a real socket that answers correctly until it is told to fail, and then shows one of FAULTS."""

import asyncio
import gzip
import json
import socket
import struct
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, cycle
from typing import Any

RESET, STALL = object(), object()
"""Parts of an answer besides its bytes: a reset of the connection, or silence."""

DROP_S = 0.02
"""Seconds between two drops."""

HANDSHAKE = b"\x16"
"""The first bytes of a TLS client."""

LATE = "late-"
"""The name prefix of a gateway for which only writes fail."""

LOG: dict[str, Any] = {
    "id": "one",
    "created_at": "2026-11-28T12:00:00Z",
    "success": True,
    "status_code": 200,
    "duration": 5,
    "tokens_in": 3,
    "tokens_out": 4,
    "model": "gpt-4o-mini",
    "provider": "openai",
    "path": "v1/chat/completions",
}
REQUEST = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
REPLY = {
    "object": "chat.completion",
    "model": "gpt-4o-mini",
    "choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}

Part = bytes | object
Script = Callable[[bytes], Iterator[Part]]
"""Yields the parts of an answer, given the correct body."""


def right(target: str) -> dict[str, Any]:
    """Return the body of the correct answer to a path."""
    path = target.partition("?")[0]
    if path.endswith("/request"):
        return REQUEST
    if path.endswith("/response") or "chat" in path:
        return REPLY
    if path.endswith("/graphql"):
        return {"data": {"viewer": {"accounts": []}}, "errors": None}
    if path.endswith(("/logs/one", "/logs/two")):
        return {"success": True, "result": LOG | {"id": path[-3:]}}
    if path.endswith("/logs"):
        return {"success": True, "result": [LOG], "result_info": {"total_count": 1}}
    if path.endswith("/gateways"):
        return {"success": True, "result": [{"id": "main"}], "result_info": {"total_count": 1}}
    return {"success": True, "result": []}


def http(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """Return an answer with a body and its length; -1 leaves the length out."""
    given = [*headers] if any(each.lower().startswith("content-type") for each in headers) else [*headers, JSON]
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", *given, "connection: close"] + ([f"content-length: {size}"] if size != -1 else [])
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


JSON = "content-type: application/json"
EVENTS = "content-type: text/event-stream"


def says(status: str, *headers: str, body: bytes | str | None = None, length: int | None = None) -> Script:
    """Answer with that status and body; by default the correct one."""

    def script(held: bytes) -> Iterator[Part]:
        given = held if body is None else body.encode() if isinstance(body, str) else body
        yield http(given, status, *headers, length=length)

    return script


def raw(*parts: Part) -> Script:
    """Send these parts instead of the correct answer."""
    return lambda _: iter(parts)


def refuses(status: str, *headers: str) -> Script:
    """Refuse with an error of the management API."""
    return says(status, *headers, body=json.dumps({"success": False, "errors": [{"code": 10001, "message": "No."}]}))


def result(written: str, total: str = "1") -> Script:
    """Answer every call with this result."""
    return says("200 OK", body=f'{{"success": true, "result": {written}, "result_info": {{"total_count": {total}}}}}')


def packed(pack: Callable[[bytes], bytes], encoding: str) -> Script:
    """Answer correctly, but compressed this way."""
    return lambda held: iter([http(pack(held), "200 OK", f"content-encoding: {encoding}")])


def for_ever(head: bytes, part: bytes) -> Script:
    """Send the same part again and again."""
    return lambda _: chain([head], cycle([part, DROP_S]))


def dripped(head: bytes) -> Script:
    """Send a head, and then spaces forever."""

    return for_ever(head, b" ")


def chunked(*chunks: bytes) -> Script:
    """Send chunks as given: sizes, bytes and line ends."""
    return raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n", *chunks)


BOMB = gzip.compress(b" " * 200_000_000, 9)
ROW = json.dumps(LOG)[1:-1]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
DEEP = "[" * 20_000 + "]" * 20_000

SLOW: dict[str, Script] = {
    "no answer": raw(STALL),
    "head stalls": raw(b"HTTP/1.1 200 OK\r\nx-a: ", STALL),
    "body stalls": raw(HEAD, b'{"succ', STALL),
    "head drips": dripped(b"HTTP/1.1 200 OK\r\nx-slow: "),
    "body drips": dripped(HEAD),
    "chunks drip": for_ever(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "interim answers without end": for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
    "stream without end": for_ever(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    ),
    "stream of comments without end": for_ever(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", b": wait\n\n"),
}  # fmt: skip
"""Faults that last until the caller gives up."""

QUICK: dict[str, Script] = {
    "reset before an answer": raw(RESET),
    "closed before an answer": raw(),
    "reset in the head": raw(b"HTTP/1.1 200 OK\r\nx-a", RESET),
    "closed in the head": raw(b"HTTP/1.1 200 OK\r\nx-a"),
    "reset in the body": raw(HEAD, b'{"succ', RESET),
    "no HTTP": raw(b"\x00\xffSSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "HTTP/2 frames": raw(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18)),
    "HTTP/1.0": lambda held: iter([b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + held]),
    "HTTP/9.9": lambda held: iter([http(held).replace(b"HTTP/1.1", b"HTTP/9.9", 1)]),
    "a status that is none": says("999 Request denied"),
    "no reason": lambda held: iter([http(held).replace(b"200 OK", b"200", 1)]),
    "interim answers first": lambda held: iter([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000 + http(held)]),
    "another protocol": raw(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"),
    "length too long": lambda held: iter([http(held, length=len(held) + 100)]),
    "length too short": lambda held: iter([http(held, length=5)]),
    "length negative": lambda held: iter([http(held, length=-5)]),
    "two lengths": lambda held: iter([http(held, "200 OK", "content-length: 3")]),
    "chunks cut off": chunked(b"5\r\n{\"suc\r\n"),
    "a chunk's size is no number": chunked(b"zz\r\nabc\r\n0\r\n\r\n"),
    "a chunk's size is negative": chunked(b"-5\r\nabc\r\n0\r\n\r\n"),
    "a chunk's size is huge": chunked(b"FFFFFFFFFFFFFFFFFF\r\nabc"),
    "a header of 1 MB": says("200 OK", "x-a: " + "a" * 1_000_000),
    "100,000 headers": says("200 OK", *[f"x-{number}: a" for number in range(100_000)]),
    "a header with control characters": says("200 OK", "x-a: a\x00b\x1b[31m"),
    "a header without a name": says("200 OK", ": a"),
    "a redirect to itself": says("302 Found", "location: /"),
    "a redirect elsewhere": says("307 Temporary Redirect", "location: http://127.0.0.1:1/"),
    "204": says("204 No Content", body="", length=-1),
    "204 with a body": says("204 No Content"),
    "304": says("304 Not Modified", body="", length=-1),
    "206": says("206 Partial Content", "content-range: bytes 0-9/100", body='{"success"'),
    "HTML": says("200 OK", "content-type: text/html", body="<html><title>Log in to the hotel</title></html>"),
    "nothing": says("200 OK", body=""),
    "half of the JSON": lambda held: iter([http(held[: len(held) // 2])]),
    "a text": says("200 OK", "content-type: text/plain", body="upstream connect error"),
    "JSON called HTML": lambda held: iter([http(held, "200 OK", "content-type: text/html")]),
    "no content type": lambda held: iter([http(held, "200 OK", "content-type:")]),
    "an unknown charset": says("200 OK", "content-type: application/json; charset=klingon"),
    "UTF-16": lambda held: iter([http(held.decode().encode("utf-16"), "200 OK")]),
    "a byte order mark": lambda held: iter([http(b"\xef\xbb\xbf" + held)]),
    "bytes that are no UTF-8": lambda held: iter([http(held.replace(b"gpt", b"\xff\xfe"))]),
    "gzip": packed(gzip.compress, "gzip"),
    "a bomb of gzip": says("200 OK", "content-encoding: gzip", body=BOMB),
    "gzip that is broken": says("200 OK", "content-encoding: gzip", body=b"\x1f\x8b\x08" + b"x" * 100),
    "gzip that is cut": packed(lambda held: gzip.compress(held)[:-12], "gzip"),
    "gzip that is none": says("200 OK", "content-encoding: gzip"),
    "deflate that is broken": packed(lambda held: zlib.compress(held)[:2] + b"x" * 50, "deflate"),
    "brotli": says("200 OK", "content-encoding: br", body=b"\x0b\x02\x80abc\x03"),
    "zstd": says("200 OK", "content-encoding: zstd", body=b"\x28\xb5\x2f\xfd" + b"x" * 50),
    "an unknown encoding": says("200 OK", "content-encoding: rot13", body="{'n': 1}"),
    "null": says("200 OK", body="null"),
    "a number": says("200 OK", body="5"),
    "a list": says("200 OK", body="[[1], 2]"),
    "result null": result("null"),
    "result a number": result("5"),
    "rows that are none": result('[1, "x", null, [2]]'),
    "fields of wrong types": result('{"id": 5, "created_at": [], "success": "x", "duration": {}, "metadata": 3, "tokens_in": "many"}'),
    "NaN": result(f'[{{{ROW}, "cost": NaN}}]'),
    "infinite figures": result(f'[{{{ROW}, "cost": 1e999, "tokens_in": -1e999}}]', "1e999"),
    "figures of 400 digits": result(f'[{{{ROW}, "tokens_in": {"9" * 400}, "step": {"9" * 40}}}]', "9" * 400),
    "negative figures": result(f'[{{{ROW}, "duration": -5, "tokens_in": -3, "cost": -1}}]', "-7"),
    "dates that are none": result(f'[{{{ROW}, "created_at": "9999-99-99"}}, {{{ROW}, "created_at": 5}}]'),
    "20,000 levels": says("200 OK", body=DEEP),
    "20,000 levels in the result": result(DEEP),
    "names that come twice": result(f'[{{{ROW}, "id": "two", "id": "three"}}]'),
    "half characters": result(f'[{{{ROW}, "model": "\\ud800", "id": "\\udfff"}}]'),
    "a text of 5 MB": result(f'[{{{ROW}, "model": "{"m" * 5_000_000}"}}]'),
    "20,000 rows": result(f"[{', '.join([f'{{{ROW}}}'] * 20_000)}]", "20000"),
    "a total that is wrong": result(f"[{{{ROW}}}]", "1000"),
    "no success, no errors": says("200 OK", body='{"success": false}'),
    "errors that are none": says("200 OK", body='{"success": false, "errors": [[1], 5, null]}'),
    "an error of 1 MB": says("400 Bad Request", body=json.dumps({"success": False, "errors": [{"message": "no " * 350_000}]})),
    "an error with control characters": says("400 Bad Request", body=json.dumps({"errors": [{"message": "a\x1b[2J\r\n\u202eb"}]})),
    "rows as lines": says("200 OK", "content-type: application/x-ndjson", body=f"{{{ROW}}}\n{{{ROW}}}\n"),
    "JSON and more": lambda held: iter([http(held + b"\n" + held)]),
    "JSON in a call": lambda held: iter([http(b"callback(" + held + b");")]),
    "JSON with comments": lambda held: iter([http(b"/* ok */ " + held + b" // ok")]),
    "JSON as a text": lambda held: iter([http(json.dumps(held.decode()).encode())]),
    "UTF-16 without a mark": lambda held: iter([http(held.decode().encode("utf-16-le"))]),
    "UTF-32": lambda held: iter([http(held.decode().encode("utf-32"))]),
    "zero bytes behind": lambda held: iter([http(held + bytes(1000))]),
    "chunks with trailers": chunked(b"2\r\n{}\r\n0\r\nx-checksum: 5\r\nx-\x1b: \x00\r\n\r\n"),
    "a chunk without its end": chunked(b"2\r\n{}0\r\n\r\n"),
    "chunks and a length": raw(http(b"2\r\n{}\r\n0\r\n\r\n", "200 OK", "transfer-encoding: chunked", length=5)),
    "an unknown transfer encoding": lambda held: iter([http(held, "200 OK", "transfer-encoding: gzip")]),
    "two types of content": lambda held: iter([http(held, "200 OK", "content-type: text/html", JSON)]),
    "folded headers": lambda held: iter([http(held, "200 OK", "x-a: a\r\n b\r\n\tc")]),
    "gzip called twice": packed(lambda held: gzip.compress(gzip.compress(held)), "gzip, gzip"),
    "gzip and more": packed(lambda held: gzip.compress(held) + b"garbage", "gzip"),
    "a redirect without an address": says("302 Found", body=""),
    "a redirect to another scheme": says("301 Moved Permanently", "location: file:///etc/passwd"),
    "100 without an answer": raw(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "299": lambda held: iter([http(held, "299 Fine")]),
    "a status of two digits": lambda held: iter([http(held, "20 OK")]),
    "407": refuses("407 Proxy Authentication Required", "proxy-authenticate: Basic"),
    "408": refuses("408 Request Timeout"),
    "421": refuses("421 Misdirected Request"),
    "451": refuses("451 Unavailable For Legal Reasons"),
    "errors empty": says("200 OK", body='{"success": false, "errors": [], "result": null}'),
    "an error of an object": says("400 Bad Request", body='{"success": false, "errors": {"code": 7003, "message": "x"}}'),
    "an error of odd messages": says("400 Bad Request", body='{"success": false, "errors": [{"code": "7003", "message": {"a": [1]}}, {"message": null}]}'),
    "an error of lists": says("400 Bad Request", body='{"error": [[["no"]]]}'),
    "success as a text": lambda held: iter([http(held.replace(b'"success": true', b'"success": "false"'))]),
    "a total below zero": result(f"[{{{ROW}}}]", "-1"),
    "a total of 1e308": result(f"[{{{ROW}}}]", "1e308"),
    "a total that is no number": result(f"[{{{ROW}}}]", '"many"'),
    "a result info that is none": says("200 OK", body=f'{{"success": true, "result": [{{{ROW}}}], "result_info": [5]}}'),
    "pages that repeat for ever": result(f"[{', '.join([f'{{{ROW}}}'] * 50)}]", "5000"),
    "empty pages of many": result("[]", "5000"),
    "ids that are no texts": result('[{"id": 5}, {"id": null}, {"id": {"a": 1}}, {"id": ["x"]}, {"id": true}]'),
    "a row without an id": result('[{"created_at": "2026-11-28T12:00:00Z", "success": true}]'),
    "an empty id": result(f'[{{{ROW}, "id": ""}}, {{{ROW}, "id": ".."}}]'),
    "the year 0": result(f'[{{{ROW}, "created_at": "0000-01-01T00:00:00Z"}}, {{{ROW}, "created_at": "0001-01-01T00:00:00Z"}}]'),
    "the year 99999": result(f'[{{{ROW}, "created_at": "99999-01-01T00:00:00Z"}}, {{{ROW}, "created_at": "9999-12-31T23:59:60Z"}}]'),
    "dates as numbers": result(f'[{{{ROW}, "created_at": 1e300}}, {{{ROW}, "created_at": -1}}, {{{ROW}, "created_at": 1764331200000}}]'),
    "figures as texts": result(f'[{{{ROW}, "cost": "NaN", "tokens_in": "-3", "tokens_out": "1e999", "duration": "fast"}}]'),
    "figures as flags and lists": result(f'[{{{ROW}, "cost": true, "tokens_in": [3], "duration": {{}}, "status_code": "200", "step": false}}]'),
    "metadata that is odd": result(f'[{{{ROW}, "metadata": [["a", 1]], "usage_metadata": "{{", "timings": 5}}]'),
    "metadata that is deep": result(f'[{{{ROW}, "metadata": {{"a": {"[" * 500 + "]" * 500}}}}}]'),
    "metadata of 10,000 keys": result(f'[{{{ROW}, "metadata": {json.dumps({f"k{number}": number for number in range(10_000)})}}}]'),
    "a body that is a log": result(f"{{{ROW}}}"),
    "a stream of events without data": says("200 OK", EVENTS, body="event: ping\nid: 1\nretry: 99999999999999\n\n" * 100),
    "a stream of one line": says("200 OK", EVENTS, body="data: " + "a" * 1_000_000),
    "a stream of errors": says("200 OK", EVENTS, body='event: error\ndata: {"error": {"message": 5, "type": null}}\n\ndata: [DONE]\n\n'),
    "a stream of garbage": says("200 OK", EVENTS, body="data: {\n\ndata: \x00\n\nevent\n\n: \ndata: [[[\n\n"),
    "a stream that is cut": says("200 OK", EVENTS, body='data: {"choices":[{"delta":{"content":"Hel"}}]}\n\ndata: {"cho'),
    "a stream of nothing": says("200 OK", EVENTS, body=""),
    **{code: refuses(f"{code} Refused") for code in ("400", "401", "403", "404", "405", "409", "413", "418", "429")},
    "429 with Retry-After: 1": refuses("429 Too Many Requests", "retry-after: 1"),
    "429 with a date": refuses("429 Too Many Requests", "retry-after: Fri, 31 Dec 2027 23:59:59 GMT"),
    "429 with Retry-After: 999999999": refuses("429 Too Many Requests", "retry-after: 999999999"),
    "429 with Retry-After: -5": refuses("429 Too Many Requests", "retry-after: -5"),
    "429 with Retry-After: soon": refuses("429 Too Many Requests", "retry-after: soon \x1b[31m" + "x" * 3000),
    **{code: refuses(f"{code} Failed") for code in ("500", "501", "502", "503", "504", "520", "522", "524", "525", "526", "530")},
    "502 as HTML": says("502 Bad Gateway", "content-type: text/html", body="<html>" + "bad gateway " * 100_000),
}  # fmt: skip
"""Faults that end by themselves."""

FAULTS = SLOW | QUICK
ADDRESSES = {"refused": "http://127.0.0.1:{closed}", "TLS to a plain port": "https://127.0.0.1:{port}"}
"""Faults in the upstream's address."""


@dataclass
class Upstream:
    """Its address, whether it fails yet, and the requests that it got: method, target, and head with body."""

    url: str = ""
    port: int = 0
    fails: bool = False
    requests: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def of(self, mark: str) -> list[tuple[str, str]]:
        """Return the method and target of each request that names a gateway."""
        return [(method, target) for method, target, whole in self.requests if mark in whole]


@asynccontextmanager
async def faulty_upstream(script: Script) -> AsyncGenerator[Upstream]:
    """Serve correct answers until the upstream `fails`, then a script's."""
    upstream = Upstream()
    open_: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        open_.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _answer(upstream, script, reader, writer)
        writer.close()
        open_.discard(task)

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 20)
    upstream.port = server.sockets[0].getsockname()[1]
    upstream.url = f"http://127.0.0.1:{upstream.port}"
    try:
        yield upstream
    finally:
        server.close()
        for task in list(open_):
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)


async def _answer(
    upstream: Upstream, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    opening = await reader.readexactly(1)
    if opening == HANDSHAKE:
        writer.write(http(b"", "400 Bad Request"))
        return
    head = (opening + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    method, target, *_ = head.split(" ", 2)
    size = next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
    whole = head + (await reader.readexactly(size)).decode()
    upstream.requests.append((method, target, whole))
    held = json.dumps(right(target)).encode()
    is_spared = LATE in whole and (method == "GET" or "graphql" in target)
    parts = script(held) if upstream.fails and not is_spared else iter([http(held)])
    for part in parts:
        if part is RESET:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            return
        if part is STALL:
            await asyncio.sleep(60)
        elif isinstance(part, float):
            await asyncio.sleep(part)
        elif isinstance(part, bytes):
            writer.write(part)
            await writer.drain()
