"""Whether `kill -9` loses a log: `kill_during_load.py [--kills 20] [--rate 50]`.

Starts the gateway on a fresh file, calls it at a steady rate, kills it in the middle, and looks up each acknowledged
log in the file. Repeats this on the same file.
"""

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import httpx2

from cf_aig_gateway.local.store import Store

BODY = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "word " * 500}]}


async def started(path: Path) -> tuple[Process, str]:
    """Return the gateway's process and its base URL."""
    program = (sys.executable, "-m", "cf_aig_server", "gateway", "--port", "0", "--db", str(path))
    process = await asyncio.create_subprocess_exec(*program, stderr=PIPE)
    assert process.stderr
    line = (await process.stderr.readline()).decode()
    return process, line.split()[-1]


async def load(url: str, rate: int, acknowledged: set[str]) -> None:
    """Call `rate` times a second, and collect the log ids of complete replies, until the gateway is gone."""
    async with httpx2.AsyncClient() as http, asyncio.TaskGroup() as tasks:

        async def call() -> None:
            try:
                reply = await http.post(f"{url}/compat/chat/completions", json=BODY)
                acknowledged.add(reply.headers["cf-aig-log-id"])
            except httpx2.TransportError:
                return

        while True:
            tasks.create_task(call())
            await asyncio.sleep(1 / rate)


async def killed(path: Path, rate: int) -> set[str]:
    """Return the logs that one run of the gateway acknowledged."""
    process, url = await started(path)
    acknowledged: set[str] = set()
    calls = asyncio.create_task(load(url, rate, acknowledged))
    await asyncio.sleep(1 + random.random())
    process.kill()
    await process.wait()
    calls.cancel()
    await asyncio.gather(calls, return_exceptions=True)
    return acknowledged


async def kept(path: Path) -> tuple[set[str], str]:
    """Return the logs in the file that have both bodies, and the result of SQLite's own check."""

    def read(db: sqlite3.Connection) -> tuple[set[str], str]:
        whole = "SELECT id FROM logs JOIN details ON log = seq WHERE request IS NOT NULL AND response IS NOT NULL"
        return {row["id"] for row in db.execute(whole)}, db.execute("PRAGMA integrity_check").fetchone()[0]

    async with Store(path) as store:
        return await store.read(read)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=int, default=50, help="calls a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.sqlite3"
        acknowledged: set[str] = set()
        slowest = 0.0
        for _ in range(options.kills):
            acknowledged |= await killed(path, options.rate)
            before = time.perf_counter()
            async with Store(path) as store:
                assert await store.gateway("default")
            slowest = max(slowest, time.perf_counter() - before)
        logs, checked = await kept(path)
    print(f"{options.kills} kills, {len(acknowledged):,} acknowledged logs, {len(acknowledged - logs)} missing")
    print(f"integrity: {checked}; slowest opening: {slowest * 1000:.0f} ms")
    sys.exit(1 if acknowledged - logs or checked != "ok" else 0)


if __name__ == "__main__":
    asyncio.run(main())
