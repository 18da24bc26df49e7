"""The file itself: who may read it, what survives, what is shared."""

import asyncio
import sqlite3
import stat
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
import writing
from logs import a_log

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local import store_logs
from cf_aig_gateway.local.gateway_settings import DEFAULT
from cf_aig_gateway.local.log_query import LogDeletion, LogQuery, LogSearch
from cf_aig_gateway.local.store import Store


async def ids(store: Store, gateway: str = "default") -> set[str]:
    def read(db: sqlite3.Connection) -> set[str]:
        return {row["id"] for row in db.execute("SELECT id FROM logs WHERE gateway = ?", (gateway,))}

    return await store.read(read)


async def a_writer(path: Path, first: int, count: int) -> Process:
    program = (sys.executable, writing.__file__, str(path), str(first), str(count))
    return await asyncio.create_subprocess_exec(*program, stdout=PIPE)


@pytest.mark.anyio
async def test_no_acknowledged_log_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "g.sqlite3"
    told: set[str] = set()

    for round_number in range(3):
        process = await a_writer(path, round_number * 10_000, 10_000)
        assert process.stdout
        for _ in range(20):
            told.add((await process.stdout.readline()).decode().strip())
        process.kill()
        told |= set((await process.stdout.read()).decode().split())
        await process.wait()

    async with Store(path) as store:
        kept = await ids(store)
        whole = await store.read(lambda db: db.execute("SELECT count(*) FROM details").fetchone()[0])
        (checked,) = await store.read(lambda db: db.execute("PRAGMA integrity_check").fetchone())
    assert len(told) >= 60
    assert told <= kept
    assert whole == len(kept)
    assert checked == "ok"


@pytest.mark.anyio
async def test_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "g.sqlite3"
    process = await a_writer(path, 0, 50)

    async with Store(path) as store:
        for number in range(100, 150):
            await store.add(a_log(number))
        await process.communicate()

        assert len(await ids(store)) == 100


@pytest.mark.anyio
async def test_stores_may_open_a_new_file_together(tmp_path: Path) -> None:
    async def open_and_add(number: int) -> None:
        async with Store(tmp_path / "g.sqlite3") as store:
            await store.add(a_log(number))

    await asyncio.gather(*map(open_and_add, range(8)))

    async with Store(tmp_path / "g.sqlite3") as store:
        assert len(await ids(store)) == 8


@pytest.mark.anyio
async def test_a_second_store_of_a_process_does_not_give_up_the_locks_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "g.sqlite3"
    async with Store(path) as store, Store(path):
        await store.add(a_log(1))
        other = await a_writer(path, 2, 1)
        await other.communicate()

        assert path.with_name("g.sqlite3-wal").exists()
        await store.add(a_log(3))
    async with Store(path) as store:
        assert len(await ids(store)) == 3


@pytest.mark.anyio
async def test_the_file_is_this_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "g.sqlite3"

    async with Store(path) as store:
        await store.add(a_log())
        modes = [stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()]

    assert modes == [0o600] * 3
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.anyio
async def test_a_location_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for path in (tmp_path / "file" / "g.sqlite3", tmp_path):
        with pytest.raises(OSError, match=str(tmp_path)):
            async with Store(path):
                pass


@pytest.mark.anyio
async def test_a_file_that_is_not_a_store_is_reported(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("Dear diary, " * 100)
    with closing(sqlite3.connect(tmp_path / "other")) as db:
        db.execute("CREATE TABLE notes (x)")

    for name in ("text", "other"):
        with pytest.raises(GatewayError, match=f"{name} cannot be used as the local gateway's file: "):
            async with Store(tmp_path / name):
                pass


@pytest.mark.anyio
async def test_a_failed_write_is_rolled_back_alone(store: Store) -> None:
    def half(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM gateways")
        raise ValueError("half")

    outcomes = await asyncio.gather(store.write(half), store.add(a_log(1)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [ValueError, type(None)]
    assert await store.gateway("default")
    assert await ids(store) == {a_log(1).id}


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["ROLLBACK", "RELEASE job"])
async def test_a_transaction_that_cannot_be_committed_fails_for_all(store: Store, end: str) -> None:
    with pytest.raises(GatewayError, match="could not be written"):
        await store.write(lambda db: db.execute(end))

    await store.add(a_log(1))
    assert await ids(store) == {a_log(1).id}


@pytest.mark.anyio
async def test_a_second_log_of_the_same_id_is_refused(store: Store) -> None:
    await store.add(a_log(1))

    with pytest.raises(GatewayError, match="UNIQUE"):
        await store.add(a_log(1))


@pytest.mark.anyio
async def test_changed_settings_apply_immediately_and_those_of_another_process_soon(
    store: Store, tmp_path: Path
) -> None:
    kept = await store.settings("default")
    off = DEFAULT.model_copy(update={"collect_logs": False}).stored()
    await store.replace_gateway("default", off)
    own = await store.settings("default")
    async with Store(tmp_path / "gateway.sqlite3") as other:
        await other.replace_gateway("default", DEFAULT.stored())
    with anyio.fail_after(5):
        while (await store.settings("default") or {})["collect_logs"] is False:  # noqa: ASYNC110 (no signal comes)
            await anyio.sleep(0.01)

    assert kept
    assert own
    assert (kept["collect_logs"], own["collect_logs"]) == (True, False)


@pytest.mark.anyio
async def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(GatewayError, match="could not be read: attempt to write a readonly database"):
        await store.read(lambda db: db.execute("DELETE FROM gateways"))


@pytest.mark.anyio
async def test_pending_writes_are_completed_when_the_store_closes(tmp_path: Path) -> None:
    async with Store(tmp_path / "g.sqlite3") as store:
        waiting = [asyncio.create_task(store.add(a_log(number))) for number in range(30)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)

    async with Store(tmp_path / "g.sqlite3") as store:
        assert len(await ids(store)) == 30


@pytest.mark.anyio
async def test_a_cancelled_caller_does_not_disturb_the_others(store: Store) -> None:
    leaving = asyncio.create_task(store.add(a_log(1)))
    await asyncio.sleep(0)
    leaving.cancel()

    await store.add(a_log(2))

    assert a_log(2).id in await ids(store)


@pytest.mark.anyio
async def test_writers_wait_while_too_much_is_waiting(store: Store) -> None:
    big = [a_log(number, response=bytes(20_000_000)) for number in range(8)]

    await asyncio.gather(*map(store.add, big))

    assert len(await ids(store)) == 8


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("strategy", "left"), [("STOP_INSERTING", range(3)), ("DELETE_OLDEST", range(2, 5)), (None, range(3))]
)
async def test_a_gateway_keeps_as_many_logs_as_it_may(store: Store, strategy: str | None, left: range) -> None:
    settings = DEFAULT.model_copy(update={"log_management": 3, "log_management_strategy": strategy})
    await store.replace_gateway("default", settings.stored())

    for number in range(5):
        await store.add(a_log(number, minutes=number))

    assert await ids(store) == {a_log(number).id for number in left}


@pytest.mark.anyio
async def test_a_log_without_a_gateway_is_not_stored(store: Store) -> None:
    await store.add(a_log(1, gateway="gone"))

    assert await ids(store, "gone") == set()


@pytest.mark.anyio
async def test_a_reply_is_kept_until_it_expires(store: Store) -> None:
    await store.keep("a", b"1", 60)
    await store.keep("a", b"2", 60)
    await store.keep("b", b"3", -1)

    assert [await store.cached(key) for key in ("a", "b", "c")] == [b"2", None, None]


@pytest.mark.anyio
async def test_many_logs_of_one_millisecond_keep_their_order(store: Store) -> None:
    for number in range(5):
        await store.add(a_log(number))

    rows, totals = await store.logs("default", LogQuery())

    assert [row["id"] for row in rows] == [a_log(number).id for number in reversed(range(5))]
    assert totals == {"total_count": 5}


@pytest.mark.anyio
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"per_page": 3},
        {"per_page": 3, "page": 3, "direction": "asc"},
        {"per_page": 50, "page": 30},
        {"success": False},
        {"model": "none"},
        {"model": "none", "meta_info": True},
        {"meta_info": True},
        {"order_by": "cost"},
        {"order_by": "cost", "order_by_direction": "asc", "per_page": 5, "page": 2, "meta_info": True},
        {"order_by": "model", "order_by_direction": "asc", "success": True},
    ],
)
async def test_many_logs_are_read_in_halves_with_the_same_result(
    store: Store, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        cost = None if number % 5 == 0 else (number * 7 % 4) / 100
        model = ("gpt-4o", "claude-opus-4-5")[number % 3 == 0]
        await store.add(a_log(number, cost=cost, model=model, success=number not in (2, 9), tokens_in=number))
    query = LogQuery(**asked)

    whole = await store.logs("default", query)
    monkeypatch.setattr(store_logs, "MANY", 1)
    halves = await store.logs("default", query)

    assert halves == whole


LAYOUT_2 = """
DROP TABLE body_index; DROP TABLE unindexable; DROP TABLE pieces; DROP INDEX logs_by_session;
DROP TRIGGER log_added; DROP TRIGGER log_deleted; PRAGMA user_version = 2;
ALTER TABLE logs DROP COLUMN session; ALTER TABLE gateways DROP COLUMN unindexed_from;
CREATE TRIGGER log_added AFTER INSERT ON logs BEGIN
    UPDATE gateways SET logs = logs + 1 WHERE id = new.gateway;
END;
CREATE TRIGGER log_deleted AFTER DELETE ON logs BEGIN
    UPDATE gateways SET logs = logs - 1 WHERE id = old.gateway;
    DELETE FROM details WHERE log = old.seq;
END;
"""
"""SQL that turns a file of the current layout into one of that version."""

LAYOUT_1 = f"{LAYOUT_2} DROP TABLE resources; PRAGMA user_version = 0;"


async def an_older_file(path: Path, layout: str) -> None:
    async with Store(path) as store:
        for number in range(3):
            await store.add(a_log(number, session="lost with the column"))
    with closing(sqlite3.connect(path)) as db:
        db.executescript(layout)


@pytest.mark.anyio
@pytest.mark.parametrize("layout", [LAYOUT_1, LAYOUT_2])
async def test_a_file_of_an_older_layout_is_migrated_with_its_logs(tmp_path: Path, layout: str) -> None:
    await an_older_file(tmp_path / "gateway.db", layout)

    async with Store(tmp_path / "gateway.db") as store:
        await store.put_resource("default", "route", "r1", {"name": "support"})
        await store.add(a_log(3, session="s1"))
        logs, _ = await store.logs("default", LogQuery())
        (route,) = await store.resources("default", "route")
        await store.indexed()
        found, _ = await store.search("default", LogSearch(text="scattering"))
        await store.delete_logs("default", LogDeletion(limit=3))
        left, _ = await store.search("default", LogSearch(text="scattering"))
        gateway = await store.read(lambda db: db.execute("SELECT logs FROM gateways").fetchone()["logs"])

    assert [log["session_id"] for log in logs] == ["s1", None, None, None]
    assert found == logs
    assert left == logs[:1]
    assert gateway == 1
    assert route["name"] == "support"


@pytest.mark.anyio
async def test_stores_may_migrate_a_file_together(tmp_path: Path) -> None:
    await an_older_file(tmp_path / "gateway.db", LAYOUT_2)

    async def open_and_count() -> int:
        async with Store(tmp_path / "gateway.db") as store:
            return len(await ids(store))

    assert await asyncio.gather(*(open_and_count() for _ in range(8))) == [3] * 8


@pytest.mark.anyio
async def test_a_file_of_a_newer_layout_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    async with Store(path):
        pass
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")

    with pytest.raises(GatewayError, match="a newer version of this program made it"):
        async with Store(path):
            pass
