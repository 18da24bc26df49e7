"""What a default read of a 10 MB body costs: CPU time, and growth of peak memory (`python` with this file's path)."""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from cf_aig_tools.reading import Reading, read_body
from cf_aig_tools.reading.masking import Masker

CHUNK = 64 * 1024
SIZE = 10_000_000


def picture() -> bytes:
    """Return a request with one picture of 10 MB."""
    url = "data:image/png;base64," + "iVBORw0K" * (SIZE // 8)
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is it?"}]
    return json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": parts}]}).encode()


def turns() -> bytes:
    """Return a request of ten thousand turns."""
    said = [{"role": ("user", "assistant")[i % 2], "content": f"{i} order shipped\n" * 50} for i in range(10_000)]
    return json.dumps({"model": "gpt-4o", "messages": said}).encode()


def stream() -> bytes:
    """Return a stream of 10 MB."""
    event = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "word "}}]}
    return (b"data: " + json.dumps(event).encode() + b"\n\n") * (SIZE // 118) + b"data: [DONE]\n\n"


def text() -> bytes:
    """Return plain text."""
    return b"All work and no play. " * (SIZE // 22)


def deep() -> bytes:
    """Return ten million brackets."""
    return b"[" * SIZE


BODIES = {"picture": picture, "turns": turns, "stream": stream, "text": text, "deep": deep}


def measure(name: str) -> None:
    """Read one body and print what it cost. The body comes from a file, so only reading it adds memory."""
    with Path("/dev/stdin").open("rb") as source:
        asyncio.run(read(small()))
        before, spent = peak(), time.process_time()
        told = asyncio.run(read(chunks(source)))
        spent = time.process_time() - spent
    grown = (peak() - before) / 1024
    print(f"{name:8} {spent * 1000:6.0f} ms CPU  {grown:5.1f} MiB  {len(told):6,} characters delivered")


def peak() -> int:
    """Return this process's peak memory, in KiB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0])


async def read(body: AsyncIterator[bytes]) -> str:
    """Return the default reading."""
    return await read_body(body, Reading(), masker=Masker())


async def small() -> AsyncIterator[bytes]:
    """Yield a small body for warming up."""
    yield b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}'


async def chunks(source: BinaryIO) -> AsyncIterator[bytes]:
    """Yield what is read from a pipe."""
    while chunk := source.read(CHUNK):
        yield chunk


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        for name, body in BODIES.items():
            subprocess.run([sys.executable, __file__, name], input=body(), check=True)
