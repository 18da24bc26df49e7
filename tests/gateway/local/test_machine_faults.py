"""Faults of the machine: the local gateway says what is wrong, keeps what it acknowledged, and continues when it can."""

import os
import resource
import sqlite3
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import Process
from logs import a_log
from plane import ACCOUNT, chat, plane
from program import PROGRAM, free_port

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local.log_query import LogQuery
from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

EVERY = LogQuery(per_page=50)
UNPRIVILEGED = "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""Runs a program that can't bypass file permissions even as root (PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)."""

SLOW_DISK_S = 0.3


@dataclass
class Gateway:
    """The local gateway as a program, and a client of it."""

    process: Process
    http: httpx2.AsyncClient

    def limit(self, what: int, most: int) -> None:
        """Limit a resource of the program; -1 removes the limit."""
        resource.prlimit(self.process.pid, what, (most, resource.prlimit(self.process.pid, what)[1]))

    async def chat(self, text: str = "Hi") -> httpx2.Response:
        return await self.http.post(f"/v1/{ACCOUNT}/default/compat/chat/completions", json=chat(text))

    async def logs(self) -> set[str]:
        path = f"/client/v4/accounts/{ACCOUNT}/ai-gateway/gateways/default/logs?per_page=50"
        answer = (await self.http.get(path)).json()
        return {log["id"] for log in answer["result"]}


@asynccontextmanager
async def gateway(folder: Path) -> AsyncGenerator[Gateway]:
    """Yield the gateway, serving and warm."""
    port = free_port()
    command = [*PROGRAM, "gateway", "--db", str(folder / "gateway.db"), "--port", str(port)]
    headers = {"authorization": "Bearer t"}
    async with (
        await anyio.open_process(command, stderr=None) as process,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as http,
    ):
        held = Gateway(process, http)
        try:
            with anyio.fail_after(30):
                while True:
                    try:
                        assert (await held.chat()).status_code == 200
                        break
                    except httpx2.ConnectError:
                        await anyio.sleep(0.05)
            yield held
        finally:
            process.terminate()
            with anyio.CancelScope(shield=True):
                await process.wait()


async def refused_start(folder: Path, *before: str) -> str:
    """Return what the program says when it can't start."""
    command = [*before, *PROGRAM, "gateway", "--db", str(folder / "gateway.db"), "--port", str(free_port())]
    with anyio.fail_after(30):
        ended = await anyio.run_process(command, check=False)
    assert ended.returncode == 2
    return ended.stderr.decode()


async def ids(store: Store) -> set[str]:
    return {row["id"] for row in (await store.logs("default", EVERY))[0]}


async def test_a_full_disk_is_reported_and_acknowledged_logs_are_kept(tmp_path: Path) -> None:
    async with gateway(tmp_path) as held:
        kept = await held.logs()
        held.limit(resource.RLIMIT_FSIZE, 1_500_000)
        answers = [await held.chat(f"{number} {'word ' * 40_000}") for number in range(12)]
        kept |= {answer.headers["cf-aig-log-id"] for answer in answers if answer.status_code == 200}
        refused = [answer for answer in answers if answer.status_code != 200]

        assert refused
        assert all(
            "could not be written" in answer.text and "Free space on its disk" in answer.text for answer in refused
        )
        assert await held.logs() == kept

        held.limit(resource.RLIMIT_FSIZE, -1)
        again = await held.chat("There is room again.")
        kept.add(again.headers["cf-aig-log-id"])
        assert await held.logs() == kept
    async with Store(tmp_path / "gateway.db") as store:
        assert await ids(store) == kept


async def test_a_full_database_is_reported_and_acknowledged_logs_are_kept(tmp_path: Path) -> None:
    async with Store(tmp_path / "gateway.db") as store:
        await store.add(a_log(1))
        pages = await store.read(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        await store.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages + 2}").fetchone())

        with pytest.raises(
            GatewayError, match=r"could not be written: database or disk is full\. Free space on its disk"
        ):
            await store.add(a_log(2, response=bytes(1_000_000)))

        assert await ids(store) == {a_log(1).id}
        await store.write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
        await store.add(a_log(3))
        assert await ids(store) == {a_log(1).id, a_log(3).id}


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_a_location_that_is_not_writable_is_named(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "held"
    if what == "file":
        async with Store(folder / "gateway.db") as store:
            await store.add(a_log(1))
        (folder / "gateway.db").chmod(0o400)
    else:
        folder.mkdir()
    folder.chmod(0o500)

    said = await refused_start(folder, sys.executable, "-c", UNPRIVILEGED)

    folder.chmod(0o700)
    assert said == f"cloudflare-ai-gateway-mcp: {folder / 'gateway.db'}: Permission denied\n"


async def test_a_damaged_file_is_reported_and_intact_logs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    async with Store(path) as store:
        for number in range(20):
            await store.add(a_log(number, response=os.urandom(40_000)))
        await store.indexed()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root, size = db.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = 'details'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(os.urandom(size))

    async with Store(path) as store:
        assert len((await store.gateways("", 50, 0))[0]) == 1
        with pytest.raises(
            GatewayError, match=r"could not be read: database disk image is malformed\. It is damaged: move it"
        ):
            await store.logs("default", EVERY)


async def test_a_file_with_a_damaged_beginning_is_reported(tmp_path: Path) -> None:
    async with Store(tmp_path / "gateway.db"):
        pass
    with (tmp_path / "gateway.db").open("r+b") as file:
        file.write(os.urandom(100))

    said = await refused_start(tmp_path)

    assert "gateway.db cannot be used as the local gateway's file: file is not a database." in said
    assert "It is not a database or is damaged: use another file with --db, or move it away." in said


async def test_a_short_lock_is_awaited_and_a_lasting_one_is_reported(tmp_path: Path) -> None:
    async with Store(tmp_path / "gateway.db") as store:
        await store.add(a_log(1))
        with closing(sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.add, a_log(2))
                await anyio.sleep(SLOW_DISK_S)
                assert await ids(store) == {a_log(1).id}
                other.execute("COMMIT")
            await store.write(lambda db: db.execute("PRAGMA busy_timeout = 50").fetchone())
            other.execute("BEGIN IMMEDIATE")

            with pytest.raises(
                GatewayError, match=r"could not be written: database is locked\. Another process is writing to it"
            ):
                await store.add(a_log(3))

            assert await ids(store) == {a_log(1).id, a_log(2).id}
            other.execute("ROLLBACK")
        await store.add(a_log(4))
        assert await ids(store) == {a_log(number).id for number in (1, 2, 4)}


async def test_two_processes_write_the_same_file_and_lose_nothing(tmp_path: Path) -> None:
    kept: set[str] = set()

    async def talk(held: Gateway) -> None:
        for _ in range(10):
            kept.add((await held.chat()).headers["cf-aig-log-id"])

    async with gateway(tmp_path) as one, gateway(tmp_path) as other:
        kept |= await one.logs()
        async with anyio.create_task_group() as tasks:
            for held in (one, other) * 2:
                tasks.start_soon(talk, held)

        assert len(kept) == 42
        assert await one.logs() == await other.logs() == kept


async def test_a_clock_jump_changes_no_duration_and_repeats_no_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jump_s = 0.0
    now, now_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: now() + jump_s)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + round(jump_s * 1e9))
    jumps = (0.0, -7200.0, 86_400.0, -86_400.0, 0.0)
    async with plane(tmp_path) as held:
        for jump_s in jumps:
            answer = await held.http.post("compat/chat/completions", json=chat(f"[simulate: delay=0.01] {jump_s}"))
            assert answer.status_code == 200
        logs = await held.logs()

        assert len({log["id"] for log in logs}) == len(jumps)
        assert all(0 <= log["duration"] < 60_000 for log in logs)
        assert [log["created_at"] for log in logs] == sorted((log["created_at"] for log in logs), reverse=True)


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
async def test_limits_and_caches_still_work_after_a_clock_jump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    jump_s = 0.0
    now, now_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: now() + jump_s)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + round(jump_s * 1e9))
    settings = {"rate_limiting_limit": 2, "rate_limiting_interval": 86_400, "rate_limiting_technique": "fixed"}
    headers = {"cf-aig-cache-ttl": "60"}
    async with plane(tmp_path) as held:
        first = await held.http.post("compat/chat/completions", json=chat(), headers=headers)
        jump_s = jump
        second = await held.http.post("compat/chat/completions", json=chat(), headers=headers)
        whole: dict[str, Any] = (await held.manage("GET", "default")).json()["result"]
        assert (await held.manage("PUT", "default", json=whole | settings)).status_code == 200
        statuses = [
            (await held.http.post("compat/chat/completions", json=chat(f"{number}"))).status_code for number in range(4)
        ]

    assert first.headers["cf-aig-cache-status"] == "MISS"
    assert second.headers["cf-aig-cache-status"] == ("MISS" if jump > 0 else "HIT")
    assert statuses == [200, 200, 429, 429]


async def test_without_descriptors_callers_wait_and_are_answered_when_some_are_free(tmp_path: Path) -> None:
    async with gateway(tmp_path) as held:
        held.limit(resource.RLIMIT_NOFILE, _descriptors(held.process.pid) + 8)
        port = held.http.base_url.port
        assert port
        idle = [await anyio.connect_tcp("127.0.0.1", port) for _ in range(30)]
        with anyio.move_on_after(0.5):
            await held.chat()
        for stream in idle:
            await stream.aclose()

        with anyio.fail_after(15):
            answer = await held.chat("Once more")

        assert answer.status_code == 200
        assert answer.headers["cf-aig-log-id"] in await held.logs()


async def test_large_calls_side_by_side_take_bounded_memory(tmp_path: Path) -> None:
    async with gateway(tmp_path) as held:

        async def talk(number: int) -> None:
            for turn in range(4):
                assert (await held.chat(f"{number} {turn} " + "word " * 100_000)).status_code == 200

        async with anyio.create_task_group() as tasks:
            for number in range(16):
                tasks.start_soon(talk, number)

        assert _peak_mb(held.process.pid) < 256


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
