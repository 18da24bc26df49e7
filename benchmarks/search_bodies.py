"""How fast one log among many is found by its body's text: `search_bodies.py [--logs N] [--index] [--db FILE]`.

Creates the file if it is missing (logs of 200 KB each, a phrase in one), and searches it with `search_bodies`, through
an MCP client in this process, over the local gateway: without its index or, with `--index`, with it. Prints seconds,
wall and CPU, and how far each search looked.
"""

import argparse
import asyncio
import json
import random
import re
import tempfile
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from logs_at_scale import NEWEST, make
from mcp import Client
from mcp.types import TextContent

from cf_aig_gateway.local import store_index
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

SIZE = 200_000
WORDS = [word for word in (files("cf_aig_tools") / "reading/words.txt").read_text().split() if word.isascii()]
REPLY = json.dumps({"choices": [{"message": {"role": "assistant", "content": "word " * 150}}]}).encode()
PHRASE = "my quokka code is ZX-9981"

SEARCHES: dict[str, dict[str, Any]] = {
    "phrase": {"text": PHRASE},
    "phrase, requests": {"text": PHRASE, "part": "request"},
    "phrase, first found": {"text": PHRASE, "part": "request", "limit": 1},
    "absent": {"text": "no such phrase", "part": "request"},
    "regular expression": {"regex": r"quokka \w+ is [A-Z]{2}-\d{4}", "part": "request"},
    "digits": {"regex": r"ZX-\d{4}", "part": "request"},
    "kind of secret": {"text": "openai_key", "part": "request"},
    "in every reply": {"text": "word word", "part": "response", "group_by": "day"},
}


def said(chance: random.Random, paragraphs: list[str], plant: str) -> bytes:
    """Return a request of about SIZE bytes that says `plant` in its middle."""
    turns = chance.choices(paragraphs, k=SIZE * len(paragraphs) // sum(map(len, paragraphs)))
    turns[len(turns) // 2] += f" {plant}"
    messages = [
        {"role": "user" if number % 2 == 0 else "assistant", "content": text} for number, text in enumerate(turns)
    ]
    return json.dumps({"model": "gpt-4o", "messages": messages}).encode()


def spoken(count: int) -> Iterator[Record]:
    """Yield logs, one a minute, the phrase in the one in the middle."""
    chance = random.Random(1)
    paragraphs = [" ".join(chance.choices(WORDS, k=60)) for _ in range(2000)]
    for number in range(count):
        yield Record(
            id=f"01932a3f-0000-7000-8000-{number:012x}",
            gateway="default",
            created_at=NEWEST - (count - number) * 60_000,
            provider="openai",
            model="openai/gpt-4o",
            success=True,
            status_code=200,
            duration=812,
            request_content_type="application/json",
            response_content_type="application/json",
            request=said(chance, paragraphs, PHRASE if number == count // 2 else ""),
            response=REPLY,
        )


async def measure(path: Path, *, by_index: bool) -> None:
    """Print how long each search takes."""
    if by_index:
        async with Store(path) as store:
            await store.indexed()
    else:
        store_index.is_there = lambda _: False
    async with Client(build_server(Settings(local=str(path)))) as client:
        for name, asked in SEARCHES.items():
            started, worked = time.perf_counter(), time.process_time()
            result = await client.call_tool("search_bodies", asked)
            took, work = time.perf_counter() - started, time.process_time() - worked
            text = "".join(part.text for part in result.content if isinstance(part, TextContent))
            looked = re.search(r"^Looked .*", text, re.MULTILINE)
            print(f"{name:20} {took:6.1f} s  {work:6.1f} s CPU  {text.splitlines()[0][:40]:42}", looked and looked[0])


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=5000)
    parser.add_argument("--index", action="store_true")
    parser.add_argument("--db", type=Path, default=Path(tempfile.gettempdir()) / "search_bodies.sqlite3")
    options = parser.parse_args()
    if not options.db.exists():
        await make(options.db, spoken(options.logs))
        print(f"made {options.db}, {options.db.stat().st_size >> 20:,} MiB")
    await measure(options.db, by_index=options.index)


if __name__ == "__main__":
    asyncio.run(main())
