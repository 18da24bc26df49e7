"""How much of a default read masking takes: pairs of reads of one body, with and without it, in one process.

    python benchmarks/masking.py RECORDINGS

RECORDINGS is a folder of `*.jsonl.gz`: exchanges with a `request` and a `response` each. Bodies are built from them.
"""

import gzip
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import anyio

from cf_aig_tools.reading import Reading, read_body
from cf_aig_tools.reading.masking import Masker

SIZES = {200_000: 25, 10_000_000: 7}
"""Sizes of a body in bytes, and how many pairs of reads."""


def requests(folder: Path) -> list[dict[str, Any]]:
    """Return the recorded requests that are conversations."""
    lines = [line for path in sorted(folder.glob("*.gz")) for line in gzip.decompress(path.read_bytes()).splitlines()]
    found = list[dict[str, Any]]()
    for line in lines:
        with suppress(ValueError, TypeError):
            body = json.loads(json.loads(line)["request"])
            found += [body] if isinstance(body, dict) and isinstance(body.get("messages"), list) else []
    return found


def conversation(recorded: list[dict[str, Any]], size: int) -> bytes:
    """Return a conversation of recorded messages."""
    messages, length = list[Any](), 0
    for body in cycle(recorded):
        messages += body["messages"]
        length += len(json.dumps(body["messages"]))
        if length >= size:
            return json.dumps({"model": "m", "messages": messages}, ensure_ascii=False).encode()
    return b""


def quoted(recorded: list[dict[str, Any]], size: int) -> bytes:
    """Return a conversation whose messages are recorded requests, as JSON in JSON."""
    messages, length = list[Any](), 0
    for body in cycle(recorded):
        messages.append({"role": "user", "content": json.dumps(body)})
        length += len(messages[-1]["content"])
        if length >= size:
            return json.dumps({"model": "m", "messages": messages}).encode()
    return b""


async def chunked(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


async def seconds(body: bytes, masker: Masker) -> float:
    started = time.process_time()
    await read_body(chunked(body), Reading(), masker=masker)
    return time.process_time() - started


async def main(folder: Path) -> None:
    recorded = requests(folder)
    for made in (conversation, quoted):
        for size, times in SIZES.items():
            body = made(recorded, size)
            await seconds(body, Masker())
            pairs = [(await seconds(body, Masker()), await seconds(body, Masker(enabled=False))) for _ in range(times)]
            ratio = statistics.median(masked / plain for masked, plain in pairs)
            best = min(masked for masked, _ in pairs)
            print(f"{made.__name__:12} {len(body):>10,} bytes  masked {best * 1000:6.1f} ms  ratio {ratio:.2f}")
    text, masker = json.dumps(recorded, ensure_ascii=False), Masker()
    masker.mask(text)
    started = time.process_time()
    masker.mask(text)
    print(f"all of a text: {len(text) / 1e6 / (time.process_time() - started):.0f} million characters a second")
    cells = [f"{number:x} gpt-4o-mini stop" for number in range(20_000)]
    started = time.process_time()
    for cell in cells:
        masker.mask(cell)
    print(f"a cell: {(time.process_time() - started) / len(cells) * 1e6:.1f} microseconds")


anyio.run(main, Path(sys.argv[1]))
