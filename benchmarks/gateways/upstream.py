"""A fast stand-in for OpenAI's chat API with prebuilt answers: `python upstream.py PORT`."""

import asyncio
import json
import sys

EVENTS = 60
"""How many events of a stream contain text."""

EVERY_S = 0.005
"""Seconds between two events: a quick model."""

USAGE = {"prompt_tokens": 180, "completion_tokens": EVENTS, "total_tokens": 180 + EVENTS}


def _event(value: object) -> bytes:
    data = b"data: " + json.dumps(value).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def _chunk(choices: list[object], **more: object) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-mini", "choices": choices, **more}


REPLY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 200}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
).encode()
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(REPLY), REPLY)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WORD = _event(_chunk([{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]))
LAST = _event(_chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])) + _event(_chunk([], usage=USAGE))
DONE = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the calls of one connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            await (_stream(writer) if b'"stream": true' in body or b'"stream":true' in body else _whole(writer))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _whole(writer: asyncio.StreamWriter) -> None:
    writer.write(WHOLE)
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    for _ in range(EVENTS):
        writer.write(WORD)
        await writer.drain()
        await asyncio.sleep(EVERY_S)
    writer.write(LAST + DONE)
    await writer.drain()


async def _serve(port: int) -> None:
    async with await asyncio.start_server(answer, "127.0.0.1", port, backlog=1024) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
