"""A fake provider on a real socket. The path or the model tells it how to misbehave."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketStream

HEAD = b"HTTP/1.1 %b\r\ncontent-type: %b\r\n%b\r\n"
REPLY = b'{"id":"x","object":"chat.completion","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}'
CHUNK = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'


def http(
    body: bytes, *, status: bytes = b"200 OK", kind: bytes = b"application/json", length: int | None = None
) -> bytes:
    """Return a whole HTTP reply."""
    size = len(body) if length is None else length
    return (
        HEAD
        % (
            status,
            kind,
            b"content-length: %d\r\nconnection: close\r\nset-cookie: session=one\r\nx-note: \xe2\x86\x92\r\n" % size,
        )
        + body
    )


REPLIES = {
    "json": http(REPLY),
    "html": http(b"<html>captive portal</html>", kind=b"text/html"),
    "redirect": b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    "reset": http(CHUNK, kind=b"text/event-stream", length=9999),
    "half": http(CHUNK + b'data: {"cho', kind=b"text/event-stream"),
    "stream": http(CHUNK * 3 + b"data: [DONE]\n\n", kind=b"text/event-stream"),
    "large": http(b": %b\n\n" % (b"x" * 100_000) * 110 + USAGE + b"data: [DONE]\n\n", kind=b"text/event-stream"),
    "status": http(b"", status=b"999 Request denied"),
    "encoding": http(b"x", kind=b"application/json\r\ncontent-encoding: br"),
    "garbage": b"\x00\xff not HTTP\r\n\r\n",
    "short": http(b'{"id":', length=500),
    "hang": b"",
    "busy": http(b'{"error":', status=b"503 Service Unavailable", length=500),
}


@dataclass
class Fake:
    """Its address, what it received, and whether a hanging caller disconnected."""

    url: str
    requests: list[bytes] = field(default_factory=list[bytes])
    left: anyio.Event = field(default_factory=anyio.Event)


@asynccontextmanager
async def fake_provider(behaviour: str) -> AsyncGenerator[Fake]:
    """Answer every request with one of REPLIES; `hang` never answers, `busy` never ends its answer."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    fake = Fake(f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}")

    async def answer(stream: SocketStream) -> None:
        async with stream:
            fake.requests.append(await stream.receive())
            await stream.send(REPLIES[behaviour])
            if behaviour in ("hang", "busy"):
                with anyio.move_on_after(10):
                    await _until_closed(stream)
                fake.left.set()

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        yield fake
        await anyio.wait_all_tasks_blocked()  # a connection accepted just now is taken, and thus closed
        tasks.cancel_scope.cancel()


async def _until_closed(stream: SocketStream) -> None:
    try:
        while True:
            await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return
