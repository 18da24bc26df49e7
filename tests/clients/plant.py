"""Put logs for a browser to show into a new file of the local gateway: `plant.py DB incidents
[NAME…]|changed|many|runs|hostile`.

Prints JSON: the ids of the logs, by incident or run. Everything ends now, so that it is within a page's default span.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from sqlite3 import connect
from time import time
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "benchmarks"), str(ROOT / "benchmarks/incidents")]

import anyio  # noqa: E402
import changing_logs  # noqa: E402
import httpx2  # noqa: E402
import markup  # noqa: E402
import runs  # noqa: E402
from incidents import INCIDENTS, MISLEADING  # noqa: E402
from logs_at_scale import make, records  # noqa: E402
from traffic import Traffic, upstream  # noqa: E402

from cf_aig_gateway.local.app import build_app  # noqa: E402
from cf_aig_gateway.local.asgi import ASGITransport  # noqa: E402
from cf_aig_gateway.local.record import Record  # noqa: E402
from cf_aig_gateway.local.store import Store  # noqa: E402

Ids = dict[str, Any]
LAST = "a user rate-limited"
"""It configures the gateway to refuse later calls."""
RUNS = ("a_loop", "a_fork", "a_retry", "a_sub_agent", "a_compaction")
APART = ("a latency of longer answers", "an outage behind a fallback")
"""They show in a gateway's totals, which other incidents would change."""


SAYS = {
    "began to fail": "failed",
    "price jump": "per call",
    "slow provider": "p50",
    "cache stopped hitting": "cache",
}
"""A word in the sentences about changes."""


QUICK = """
UPDATE details SET facts = json_set(facts, '$.timings', json('{"total": 1, "latency": 1}'))
WHERE log IN (SELECT seq FROM logs WHERE duration < 50) AND facts ->> '$.timings.latency' IS NOT NULL;
UPDATE logs SET duration = 1 WHERE duration < 50;
"""
"""Gives calls without a simulated delay one duration: how busy this machine was is no difference between two calls."""


async def incidents(db: Path, *names: str) -> Ids:
    """Play all incidents, or those named, one after the other. Returns what a reader should see of each."""
    found: Ids = {}
    ordered = sorted(INCIDENTS + MISLEADING, key=lambda incident: incident.name == LAST)
    chosen = [incident for incident in ordered if (incident.name in names if names else incident.name not in APART)]
    async with Store(db) as store, anyio.create_task_group() as tasks:
        wire = ASGITransport(build_app(store, upstream=upstream), tasks)
        async with httpx2.AsyncClient(transport=wire, timeout=60) as http:
            traffic = Traffic(http, store)
            await traffic.ordinary(8)
            for incident in chosen:
                traffic.ids, traffic._sent = {}, 0
                await incident.happen(traffic)
                told = {name: getattr(incident, name) for name in ("calls", "facts", "hidden", "misleading")}
                found[incident.name] = {"ids": dict(traffic.ids), **told}
        tasks.cancel_scope.cancel()
    with closing(connect(db)) as logs:
        logs.executescript(QUICK)
        calls, failed = logs.execute("SELECT count(*), sum(NOT success) FROM logs").fetchone()
    return {"incidents": found, "totals": {"calls": calls, "failed": failed}}


async def changed(db: Path) -> Ids:
    """Write the two days of `what_changed`. The second ends now."""
    end = changing_logs.START + 2 * changing_logs.DAY
    late = int((time() - end.timestamp()) // 60) * 60_000
    logs = [replace(log, created_at=log.created_at + late) for log in changing_logs.records(20_000)]
    await make(db, logs)
    last = [log for log in logs if log.created_at > 1000 * (time() - 86_400)]
    totals = {"calls": len(last), "failed": sum(not log.success for log in last)}
    return {
        "totals": {**totals, "cost": sum(log.cost or 0 for log in last)},
        "incidents": {
            incident.model: {"says": SAYS[incident.name], "at": round(incident.at.timestamp()) + late // 1000}
            for incident in changing_logs.INCIDENTS
        },
    }


async def many(db: Path) -> Ids:
    """Write 10,000 logs of the last 23 hours."""
    logs, step = list(records(10_000)), 23 * 3600 / 10_000
    for place, log in enumerate(reversed(logs)):
        log.created_at = round((time() - place * step) * 1000)
    await make(db, logs)
    return {"logs": len(logs)}


async def traced(db: Path) -> Ids:
    """Write runs of known trees, an hour apart."""
    made: dict[str, list[Record]] = {name: getattr(runs, name)("openai").records for name in RUNS}
    for hours, logs in enumerate(made.values()):
        made_late(logs, hours * 3_600_000)
    await make(db, (log for logs in made.values() for log in logs))
    return {name: [log.id for log in logs] for name, logs in made.items()}


async def hostile(db: Path) -> Ids:
    """Write logs of markup and worse. `texts` are those of the log `markup`, in the order of its turns."""
    corpus = markup.Corpus()
    run, single = corpus.run(), {"markup": markup.markup(), "line": markup.line(), "nested": markup.nested()}
    logs = list(corpus.logs(120))
    every = [*logs, *run, *single.values()]
    made_late(every, 0)
    await make(db, every)
    ids = {name: log.id for name, log in single.items()}
    return ids | {"logs": [log.id for log in logs], "run": [log.id for log in run], "texts": markup.MARKUP}


def made_late(logs: Iterable[Record], ago: int) -> None:
    """Shift logs in time, so that the newest is this many milliseconds old."""
    late = round(time() * 1000) - ago - max(log.created_at for log in logs)
    for log in logs:
        log.created_at += late


KINDS: dict[str, Callable[..., Any]] = {
    "incidents": incidents, "changed": changed, "many": many, "runs": traced, "hostile": hostile,
}  # fmt: skip

if __name__ == "__main__":
    print(json.dumps(asyncio.run(KINDS[sys.argv[2]](Path(sys.argv[1]), *sys.argv[3:]))))  # noqa: T201 (a program of its own)
