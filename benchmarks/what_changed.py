"""What one call of summarize_logs reports for a million logs with incidents: `what_changed.py [--logs N] [--db FILE]`.

Creates the file if it is missing. Prints the answer, its tokens (o200k, of the more expensive channel), its seconds,
whether the line of each incident's model has its minute, and whether analytics equal sums over the same logs.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from math import isclose
from pathlib import Path

from bpe_openai import get_encoding
from changing_logs import DAY, INCIDENTS, START, Incident, records
from logs_at_scale import make
from mcp import Client
from mcp.types import CallToolResult, TextContent

from cf_aig_gateway.analytics import Grouping
from cf_aig_server.app import build_server
from cf_aig_server.opening import open_gateway
from cf_aig_server.settings import Settings

O200K = get_encoding("o200k_base")
ROUNDS = 5
FIRST, LAST = START + DAY, START + 2 * DAY
QUESTION = {
    "start_date": FIRST.isoformat(),
    "end_date": LAST.isoformat(),
    "group_by": "model",
    "compare_to": "24h",
}


@dataclass
class Sums:
    """What the logs of one model add up to."""

    count: int = 0
    errored: int = 0
    cached: int = 0
    tokens: int = 0
    cost: float = 0.0

    def equals(self, other: "Sums") -> bool:
        """Whether counts are the same, and costs too, except for rounding by the order of addition."""
        counts = [(sums.count, sums.errored, sums.cached, sums.tokens) for sums in (self, other)]
        return counts[0] == counts[1] and isclose(self.cost, other.cost, rel_tol=1e-9)


def added_up(count: int) -> dict[str, Sums]:
    """Return the sums of the second day's logs, generated again and added up without SQL."""
    models: defaultdict[str, Sums] = defaultdict(Sums)
    for log in records(count):
        if log.created_at >= FIRST.timestamp() * 1000:
            sums = models[log.model]
            sums.count += 1
            sums.errored += not log.success
            sums.cached += log.cached
            sums.tokens += (log.tokens_in or 0) + (log.tokens_out or 0)
            sums.cost += log.cost or 0
    return models


async def grouped(settings: Settings) -> dict[str, Sums]:
    """Return the same sums from analytics."""
    async with open_gateway(settings) as gateway:
        (groups,) = await gateway.request_groups("default", [Grouping(FIRST, LAST, by=("model",))])
    return {
        str(group.dimensions["model"]): Sums(
            group.count,
            group.errored_requests,
            group.cached_requests,
            group.cached_tokens_in + group.cached_tokens_out + group.uncached_tokens_in + group.uncached_tokens_out,
            group.cost,
        )
        for group in groups
    }


async def asked(settings: Settings) -> tuple[CallToolResult, list[tuple[float, float]]]:
    """Return the tool's answer, and the seconds that each of several calls took: wall and CPU."""
    took: list[tuple[float, float]] = []
    async with Client(build_server(settings)) as client:
        for _ in range(ROUNDS):
            started = time.perf_counter(), time.process_time()
            result = await client.call_tool("summarize_logs", QUESTION)
            took.append((time.perf_counter() - started[0], time.process_time() - started[1]))
    return result, took


def named(incident: Incident, text: str) -> str:
    """Return whether a line has both the incident's model and its minute."""
    minute = f"{incident.at:%H:%M}"
    hit = any(incident.model in line and minute in line for line in text.splitlines())
    return f"{'named' if hit else 'NOT NAMED':9}  {incident.name}: {incident.model} at {minute}"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=1_000_000)
    parser.add_argument("--db", type=Path, default=Path(tempfile.gettempdir()) / "what_changed.sqlite3")
    options = parser.parse_args()
    if not options.db.exists():
        await make(options.db, records(options.logs))
    settings = Settings(local=str(options.db))

    result, took = await asked(settings)
    text = "".join(part.text for part in result.content if isinstance(part, TextContent))
    channels = (text, json.dumps(result.structured_content, ensure_ascii=False))
    print(text, "\n")
    print(f"{max(len(O200K.encode(channel)) for channel in channels):,} tokens")
    print("seconds (of processors):", ", ".join(f"{clock:.2f} ({busy:.2f})" for clock, busy in took))
    print(*(named(incident, text) for incident in INCIDENTS), sep="\n")

    expected, given = added_up(options.logs), await grouped(settings)
    equal = expected.keys() == given.keys() and all(sums.equals(given[model]) for model, sums in expected.items())
    print("analytics equal the sums over the logs" if equal else f"analytics differ: {given} instead of {expected}")


if __name__ == "__main__":
    asyncio.run(main())
