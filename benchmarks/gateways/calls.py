"""Sends chats over persistent connections, timed and checked."""

import asyncio
import json
import time
from dataclasses import dataclass, field

from upstream import EVENTS

PROMPT = (
    "You are a support assistant of a shop for garden tools. Answer in two sentences and never promise a date. " * 8
)


@dataclass(frozen=True)
class Target:
    """Where chats are posted."""

    port: int
    path: str
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def request(self, *, stream: bool = False, size: int = 0) -> bytes:
        """Return a chat as HTTP, padded by about `size` bytes."""
        messages = [
            {"role": "system", "content": PROMPT},
            {"role": "user", "content": "Where is it? " + "word " * (size // 5)},
        ]
        asked = {"model": "gpt-4o-mini", "messages": messages, "temperature": 0.2, "max_tokens": 300}
        body = json.dumps(
            asked | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})
        ).encode()
        given = {"host": f"127.0.0.1:{self.port}", "content-type": "application/json", "authorization": "Bearer local"}
        given |= self.headers | {"content-length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        return f"POST {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


@dataclass(frozen=True)
class Timing:
    """One call's milliseconds to the first byte of the reply's body, and to its end."""

    first: float
    whole: float


async def load(target: Target, request: bytes, connections: int, seconds: float) -> tuple[list[Timing], float]:
    """Call for some seconds over some connections; return each call's timing, and calls per second."""
    started = time.perf_counter()
    parts = await asyncio.gather(*(_calls(target, request, started + seconds) for _ in range(connections)))
    timings = [timing for part in parts for timing in part]
    return timings, len(timings) / (time.perf_counter() - started)


async def _calls(target: Target, request: bytes, end: float) -> list[Timing]:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=1 << 20)
    timings = [await _call(reader, writer, request)]
    while time.perf_counter() < end:
        timings.append(await _call(reader, writer, request))
    writer.close()
    return timings


async def _call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> Timing:
    started = time.perf_counter()
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(f"A gateway refused: {head[:200]!r}")
    body = await reader.read(1)
    first = time.perf_counter()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    if length:
        body += await reader.readexactly(int(length) - 1)
    else:
        body += await reader.readuntil(b"\r\n0\r\n\r\n")
    if body.count(b"word ") < EVENTS or b"total_tokens" not in body:
        raise RuntimeError(f"A reply is incomplete: {body[-200:]!r}")
    return Timing((first - started) * 1000, (time.perf_counter() - started) * 1000)
