"""How fast a million logs are listed, filtered and counted: `logs_at_scale.py [--logs N] [--db FILE]`.

Creates the file if it is missing (logs of realistic size, with bodies), then asks the store for pages and exact totals,
each query several times, and prints milliseconds: the median and the 95th percentile.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from cf_aig_gateway.local import store_logs
from cf_aig_gateway.local.log_query import LogQuery
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store
from cf_aig_gateway.local.store_conditions import matching

NEWEST = 1_795_435_200_000
"""2026-11-23 12:00 UTC, in milliseconds."""
SPAN = 30 * 24 * 3600 * 1000
MODELS = (
    ("openai", "openai/gpt-4o"),
    ("openai", "openai/gpt-4o-mini"),
    ("anthropic", "anthropic/claude-sonnet-4-5"),
    ("workers-ai", "@cf/meta/llama-3.1-8b-instruct"),
    ("google-ai-studio", "google-ai-studio/gemini-2.5-pro"),
)
AGENTS = ("AsyncOpenAI/Python 3.54.0", "Anthropic/Python 2.12.0", "node", "OpenAI/JS 6.9.1")
REQUEST = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "word " * 250}]}).encode()
RESPONSE = json.dumps({"choices": [{"message": {"role": "assistant", "content": "word " * 150}}]}).encode()

FIRST = "2026-11-01T00:00:00Z"
QUESTIONS: dict[str, dict[str, Any]] = {
    "no filter": {},
    "success=false": {"success": "false"},
    "success=true, cached=true": {"success": "true", "cached": "true"},
    "provider": {"provider": "anthropic"},
    "model": {"model": "openai/gpt-4o"},
    "model, failed": {"model": "openai/gpt-4o", "success": "false"},
    "no such model": {"model": "none"},
    "model_type": {"model_type": "chat"},
    "feedback=1": {"feedback": "1"},
    "content types": {"request_content_type": "application/json", "response_content_type": "text/event-stream"},
    "dates": {"start_date": FIRST, "end_date": "2026-11-08T00:00:00Z"},
    "dates, failed": {"start_date": FIRST, "success": "false"},
    "cost": {"min_cost": "0.049", "max_cost": "0.05"},
    "duration": {"min_duration": "19000"},
    "tokens": {"min_tokens_in": "4000", "max_tokens_out": "100"},
    "total tokens": {"min_total_tokens": "6900"},
    "order by duration": {"order_by": "duration"},
    "order by cost, failed": {"order_by": "cost", "success": "false"},
    "order by model": {"order_by": "model", "order_by_direction": "asc"},
    "page 10,000": {"page": "10000", "per_page": "50"},
    "meta_info": {"meta_info": "true"},
    **{
        f"{key} {operator}": {"filters": json.dumps([{"key": key, "operator": operator, "value": value}])}
        for key, operator, value in (
            ("success", "eq", [False]),
            ("created_at", "gt", [FIRST]),
            ("event_id", "eq", ["event-77"]),
            ("user_agent", "eq", ["node"]),
            ("authentication", "eq", [True]),
            ("compatibilityMode", "eq", [True]),
            ("request_type", "eq", [None]),
            ("cost", "lt", [0.0001]),
            ("tokens", "gt", [6900]),
            ("provider", "neq", ["openai"]),
            ("id", "eq", ["01932a3f"]),
        )
    },
}
SLOW_QUESTIONS: dict[str, dict[str, Any]] = {
    "search, rare": {"search": "s-00abcd"},
    "search, common": {"search": "prod"},
    "search, none": {"search": "no such text"},
    **{
        f"{key} {operator} {value}": {"filters": json.dumps([{"key": key, "operator": operator, "value": [value]}])}
        for key, operator, value in (
            ("model", "contains", "gpt"),
            ("model", "contains", "none"),
            ("user_agent", "contains", "python"),
            ("id", "contains", "abcdef"),
            ("event_id", "contains", "event-123"),
            ("created_at", "contains", "2026-11-08"),
            ("metadata.key", "eq", "user"),
            ("metadata.key", "eq", "nobody"),
            ("metadata.value", "eq", "u-12"),
            ("metadata.value", "eq", "prod"),
            ("metadata.value", "contains", "u-12"),
            ("metadata.value", "gt", 99990),
            ("metadata.key", "neq", "user"),
        )
    },
    "metadata pair": {
        "filters": json.dumps(
            [
                {"key": "metadata.key", "operator": "eq", "value": ["user"]},
                {"key": "metadata.value", "operator": "eq", "value": ["u-12"]},
            ]
        )
    },
}


def records(count: int) -> Iterator[Record]:
    """Yield logs of the last 30 days, oldest first: 7 % failed, 10 % cached, five models, metadata of three entries."""
    chance = random.Random(1)
    for number in range(count):
        provider, model = chance.choice(MODELS)
        failed, streamed = chance.random() < 0.07, chance.random() < 0.3
        at = NEWEST - SPAN + number * SPAN // count
        yield Record(
            id=str(UUID(int=at << 80 | 7 << 76 | chance.getrandbits(76))),
            gateway="default",
            created_at=at,
            provider=provider,
            model=model,
            model_type="chat" if number % 2 else None,
            success=not failed,
            status_code=chance.choice((400, 429, 503)) if failed else 200,
            cached=chance.random() < 0.1,
            duration=chance.randrange(50, 20_000),
            tokens_in=0 if failed else chance.randrange(5, 5000),
            tokens_out=0 if failed else chance.randrange(5, 2000),
            cost=0 if failed else chance.random() * 0.05,
            path="chat/completions",
            event_id=f"event-{number}" if number % 10 == 7 else None,
            metadata={
                "user": f"u-{chance.randrange(5000)}",
                "session": f"s-{chance.getrandbits(32):08x}",
                "env": chance.choice(("prod", "staging", "dev")),
                "build": chance.randrange(100_000),
            },
            feedback=chance.choice((-1, 1)) if number % 50 == 0 else None,
            request_content_type="application/json",
            response_content_type="text/event-stream" if streamed else "application/json",
            user_agent=chance.choice(AGENTS),
            compatibility_mode=chance.random() < 0.5,
            usage_metadata={"input_tokens": 10, "output_tokens": 10, "total_tokens": 20},
            timings={"total": 812, "latency": 700},
            request=REQUEST,
            response=RESPONSE,
        )


async def make(path: Path, logs: Iterable[Record]) -> None:
    """Write the logs into a new file, thousands in a transaction."""
    async with Store(path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        for number, record in enumerate(logs, start=1):
            store_logs.insert(db, record)
            if number % 20_000 == 0:
                db.execute("COMMIT")
                db.execute("BEGIN")
        db.execute("COMMIT")


async def timed(asks: Callable[[], Awaitable[Any]], rounds: int) -> tuple[list[float], Any]:
    """Return how long each answer took, in milliseconds, and the answer."""
    took: list[float] = []
    answer: Any = None
    for _ in range(rounds):
        started = time.perf_counter()
        answer = await asks()
        took.append((time.perf_counter() - started) * 1000)
    return took, answer


async def measure(path: Path, rounds: int) -> None:
    """Print how long a page and its exact total take, each separately."""
    async with Store(path) as store:
        for heading, group in (("equality, ranges, order", QUESTIONS), ("contains, search, metadata", SLOW_QUESTIONS)):
            print(f"\n{'':34} {'page':>15} {'total_count':>17}\n{heading:34} {'median     p95' * 2:>33}    logs")
            pages: list[float] = []
            counts: list[float] = []
            for name, asked in group.items():
                query = LogQuery.model_validate(asked)
                where = matching("default", query)
                paged, _ = await timed(partial(store.find, where, query), rounds)
                counted, total = await timed(partial(store.totals, where, query), rounds)
                pages, counts = pages + paged, counts + counted
                print(f"{name:34} {figures(paged)} {figures(counted)} {total['total_count']:10,}")
            print(f"{'all of these':34} {figures(pages)} {figures(counts)}")


def figures(took: list[float]) -> str:
    """Return the median and the 95th percentile, in columns."""
    return f"{statistics.median(took):8.1f} {statistics.quantiles(took, n=20)[-1]:8.1f}"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=1_000_000)
    parser.add_argument("--db", type=Path, default=Path(tempfile.gettempdir()) / "logs_at_scale.sqlite3")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    if not options.db.exists():
        started = time.perf_counter()
        await make(options.db, records(options.logs))
        print(f"made {options.db}, {options.db.stat().st_size >> 20:,} MiB, in {time.perf_counter() - started:.0f} s")
    await measure(options.db, options.rounds)


if __name__ == "__main__":
    asyncio.run(main())
