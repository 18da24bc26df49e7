"""What find_waste reports for a day of 100,000 calls with eight kinds of planted waste, and for an honest one.

`waste_at_scale.py [--logs N] [--folder FOLDER]` creates both files if they are missing. Prints the answer, each kind's
dollars beside an independent sum, the tokens of the result (o200k, of the more expensive channel), and seconds.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bpe_openai import get_encoding
from logs_at_scale import make
from mcp import Client
from mcp.types import CallToolResult, TextContent

from cf_aig_gateway.local.record import Record
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

sys.path.append(str(Path(__file__).parents[1] / "tests"))

import waste

O200K = get_encoding("o200k_base")
ROUNDS = 3
SPAN = {"start_date": "2026-11-21T12:00Z", "end_date": "2026-11-23T12:00Z"}


def planted() -> waste.Planted:
    """Return about 11,000 calls with all kinds of waste, the same each time."""
    found, chance = waste.Planted(), random.Random(7)
    waste.repeated(found, chance, 40, 25)
    waste.nearly(found, chance, 40, 20)
    waste.failed_again(found, chance, 400)
    waste.answered_again(found, chance, 400)
    waste.cut_off(found, chance, 400)
    waste.thought_away(found, chance, 300)
    waste.broken_caches(found, chance, 300)
    waste.heavy(found, chance, 300)
    waste.too_good(found, chance, 1000)
    waste.guarded(found, chance, 500)
    return found


def made(path: Path, records: list[Record]) -> None:
    if not path.exists():
        started = time.perf_counter()
        asyncio.run(make(path, sorted(records, key=lambda record: record.created_at)))
        print(f"made {path}, {path.stat().st_size >> 20:,} MiB, in {time.perf_counter() - started:.0f} s")


async def asked(path: Path) -> tuple[CallToolResult, list[float], list[float]]:
    """Return the answer, and the seconds that it took: wall and CPU."""
    took: list[float] = []
    used: list[float] = []
    async with Client(build_server(Settings(local=str(path)))) as client:
        for _ in range(ROUNDS):
            started, before = time.perf_counter(), time.process_time()
            result = await client.call_tool("find_waste", SPAN)
            took.append(time.perf_counter() - started)
            used.append(time.process_time() - before)
    return result, took, used


def text_of(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


def tokens(result: CallToolResult) -> int:
    structured = json.dumps(result.structured_content, ensure_ascii=False)
    return max(len(O200K.encode(text)) for text in (text_of(result), structured))


def print_figures(result: CallToolResult, expected: waste.Planted) -> None:
    """Print what is reported for each kind beside what was planted."""
    held: dict[str, Any] = result.structured_content or {}
    told = {row[0]: row for row in held["kinds"]}
    print(f"\n{'kind':50} {'told $':>10} {'planted $':>10} {'off':>7} {'calls':>7} {'planted':>7}")
    for kind in sorted({*told, *expected.dollars}):
        dollars, calls = (told[kind][3], told[kind][1]) if kind in told else (0, 0)
        due = expected.dollars.get(kind, 0)
        off = f"{100 * abs(dollars - due) / due:6.2f}%" if due else "wrong"
        print(f"{kind:50} {dollars:10.4f} {due:10.4f} {off:>7} {calls:7,} {expected.calls.get(kind, 0):7,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    expected = planted()
    wasteful, honest = (options.folder / f"{name}_{options.logs}.sqlite3" for name in ("wasteful", "honest"))
    made(wasteful, [*expected.records, *waste.honest(options.logs - len(expected.records))])
    made(honest, list(waste.honest(options.logs, seed=2)))
    for path in (wasteful, honest):
        result, took, used = asyncio.run(asked(path))
        print(f"\n{text_of(result)}")
        if path == wasteful:
            print_figures(result, expected)
        seconds = ", ".join(f"{each:.1f}" for each in took)
        print(
            f"\n{tokens(result):,} tokens; {seconds} s, of the processor {', '.join(f'{each:.1f}' for each in used)} s"
        )


if __name__ == "__main__":
    main()
