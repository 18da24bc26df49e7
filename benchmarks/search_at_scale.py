"""How fast bodies are searched: `search_at_scale.py [--logs N] [--db FILE]`.

Creates the file if it is missing (logs of realistic size, three in ten of them streams), indexes it, and searches for
texts through the endpoint, each several times. Prints how long the indexing took, the bytes of the index, and
milliseconds: the median and the 95th percentile.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.resources import files
from itertools import accumulate
from pathlib import Path
from typing import Any

import httpx2
from logs_at_scale import figures, make, records, timed

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store

URL = f"http://localhost/client/v4/accounts/{'0' * 32}/ai-gateway/gateways/default/logs/search"
WORDS = [word for word in (files("cf_aig_tools") / "reading/words.txt").read_text().split() if word.isalpha()]
FREQUENCIES = list(accumulate(1 / rank for rank in range(1, len(WORDS) + 1)))
"""A few words make up most of a text, as in any language."""

RARE_ONE_IN = 5000
RARE = "Connection reset by worker-7f3a"

QUESTIONS = {
    "rare phrase": {"text": RARE},
    "rare phrase, failed": {"text": RARE, "success": "false"},
    "common word": {"text": WORDS[50]},
    "common word, failed": {"text": WORDS[50], "success": "false"},
    "common word, by cost": {"text": WORDS[50], "order_by": "cost"},
    "two words": {"text": f"{WORDS[40]} {WORDS[4000]}"},
    "user, one log": {"text": "user-00000063"},
    "no match": {"text": "zyxwvut quokka"},
}


def spoken(count: int) -> Iterator[Record]:
    """Yield logs, each of a shared system prompt, a question of 250 words, and a reply of 150."""
    chance = random.Random(2)
    system = said(chance, 150)
    for number, record in enumerate(records(count)):
        rare = f" {RARE}." if number % RARE_ONE_IN == 0 else ""
        question, reply = f"{said(chance, 250)} user-{number:08x}{rare}", said(chance, 150)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        request = json.dumps({"model": record.model, "messages": messages, "temperature": 0.7})
        is_stream = record.response_content_type == "text/event-stream"
        response = streamed(reply) if is_stream else json.dumps(choice("message", reply))
        yield replace(record, request=request.encode(), response=response.encode())


def said(chance: random.Random, count: int) -> str:
    """Return this many words."""
    return " ".join(chance.choices(WORDS, cum_weights=FREQUENCIES, k=count))


def streamed(text: str) -> str:
    """Return the stream of a reply, one word per event."""
    deltas = [json.dumps(choice("delta", f"{word} ")) for word in text.split()]
    return "".join(f"data: {delta}\n\n" for delta in [*deltas, "[DONE]"])


def choice(part: str, text: str) -> dict[str, Any]:
    """Return a reply, or an event of one."""
    return {"id": "chatcmpl-1", "choices": [{"index": 0, part: {"role": "assistant", "content": text}}]}


async def measure(path: Path, rounds: int) -> None:
    """Index the rest, and print how long that and the searches took."""
    async with Store(path) as store:
        before, started = await store.read(used), time.perf_counter()
        await store.indexed()
        took, after = time.perf_counter() - started, await store.read(used)
        print(f"indexed in {took:.0f} s: {(after - before) >> 20:,} MiB of index for {before >> 20:,} MiB of logs")
        transport = httpx2.ASGITransport(app=build_app(store))
        async with httpx2.AsyncClient(transport=transport, headers={"authorization": "Bearer t"}) as http:
            print(f"\n{'':24} {'median     p95':>17}    logs")
            for name, asked in QUESTIONS.items():
                times, answer = await timed(partial(http.get, URL, params=asked), rounds)
                print(f"{name:24} {figures(times)} {answer.json()['result_info']['total_count']:8,}")


def used(db: sqlite3.Connection) -> int:
    """Return how many bytes of the file are in use."""
    sizes = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count"))
    size, pages, free = sizes
    return size * (pages - free)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=100_000)
    parser.add_argument("--db", type=Path, default=Path(tempfile.gettempdir()) / "search_at_scale.sqlite3")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    if not options.db.exists():
        await make(options.db, spoken(options.logs))
    await measure(options.db, options.rounds)


if __name__ == "__main__":
    asyncio.run(main())
