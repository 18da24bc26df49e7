"""GET …/logs/search: the logs of a session, and those whose bodies may contain a text."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import a_log
from management import GATEWAYS, LOGS, NOT_FOUND, management, refused

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local import indexer, store_index, store_schema
from cf_aig_gateway.local.gateway_settings import DEFAULT
from cf_aig_gateway.local.log_query import LogDeletion
from cf_aig_gateway.local.store import Store
from cf_aig_gateway.local.store_gateways import create
from cf_aig_gateway.local.store_logs import insert

SEARCH = f"{LOGS}/search"


@pytest.fixture(autouse=True)
def no_quiet_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "QUIET_S", 0)


def saying(number: int, text: str, **changes: Any) -> Any:
    return a_log(number, minutes=number, request=json.dumps({"said": text}).encode(), **changes)


async def added(store: Store, *texts: str) -> None:
    for number, text in enumerate(texts):
        await store.add(saying(number, text))
    await store.indexed()


async def numbers(api: httpx2.AsyncClient, **params: Any) -> list[int]:
    answer = (await api.get(SEARCH, params=params)).json()
    assert answer["result_info"]["total_count"] == len(answer["result"]), answer
    return [int(row["id"][-12:], 16) for row in answer["result"]]


async def counted(store: Store, table: str) -> int:
    return await store.read(lambda db: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("connection reset", [0]),
        ("CONNECTION RESET", [0]),
        ("Straße", [1]),
        ("STRASSE", [1]),
        ('say "no" AND', [2]),
        ("a\0b", [3]),
        ("\U0001f600\U0001f601\U0001f602", [4]),
        ("no such words", []),
        ("in", [4, 3, 2, 1, 0]),
        ("or\nat", [4, 3, 2, 1, 0]),
        ("reset by peer" * 300, []),
    ],
)
async def test_only_logs_that_certainly_lack_a_text_are_dropped(
    api: httpx2.AsyncClient, store: Store, text: str, found: list[int]
) -> None:
    await added(
        store, "Connection RESET by peer", "straße", 'say "no" AND mean it', "a\0b", "\U0001f600\U0001f601\U0001f602"
    )

    assert await numbers(api, text=text) == found


@pytest.mark.anyio
async def test_a_search_takes_the_parameters_of_the_list_and_answers_like_it(
    api: httpx2.AsyncClient, store: Store
) -> None:
    for number in range(8):
        await store.add(saying(number, "refund", success=number % 2 == 0, session="s1" if number < 6 else None))
    await store.indexed()
    params = {"text": "refund", "session": "s1", "success": "true", "per_page": 2, "order_by_direction": "asc"}

    answer = (await api.get(SEARCH, params=params)).json()

    listed = (await api.get(LOGS, params={"success": "true", "per_page": 2, "order_by_direction": "asc"})).json()
    assert answer["result"] == listed["result"]
    assert answer["result_info"] == {"page": 1, "per_page": 2, "count": 2, "total_count": 3}


@pytest.mark.anyio
async def test_the_logs_of_a_session_are_those_of_exactly_that_id(api: httpx2.AsyncClient, store: Store) -> None:
    for number, session in enumerate(["s1", "s1", "s10", "S1", None]):
        await store.add(saying(number, "", session=session))

    assert await numbers(api, session="s1") == [1, 0]
    assert [row["session_id"] for row in (await api.get(LOGS)).json()["result"]] == [None, "S1", "s10", "s1", "s1"]


@pytest.mark.anyio
async def test_a_search_for_nothing_is_refused(api: httpx2.AsyncClient) -> None:
    answer = await api.get(SEARCH, params={"text": "", "page": "1"})

    assert (answer.status_code, answer.json()) == (400, refused("Required: text or session", "query"))


@pytest.mark.anyio
async def test_a_search_of_an_unknown_gateway_is_not_found(api: httpx2.AsyncClient, store: Store) -> None:
    async with management(store, logs="observability") as elsewhere:
        answers = [
            await elsewhere.get(SEARCH, params={"text": "refund"}),
            await api.get(f"{GATEWAYS}/none/logs/search", params={"text": "refund"}),
        ]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(404, NOT_FOUND)] * 2


@pytest.mark.anyio
async def test_without_fts5_sessions_are_found_and_texts_are_not_emulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_schema, "INDEX", "CREATE VIRTUAL TABLE body_index USING no_such_module(body)")

    async with Store(tmp_path / "g.db") as store, management(store) as api:
        await store.add(saying(1, "refund", session="s1"))
        await store.indexed()
        by_session = await numbers(api, session="s1")
        by_text = await api.get(SEARCH, params={"text": "refund", "session": "s1"})
    monkeypatch.undo()
    async with Store(tmp_path / "g.db") as store, management(store) as api:
        await store.indexed()
        later = await numbers(api, text="refund")

    message = f"The local gateway does not emulate {SEARCH}."
    assert by_session == later == [1]
    assert (by_text.status_code, by_text.json()["errors"]) == (501, [{"code": 7000, "message": message}])


@pytest.mark.anyio
@pytest.mark.parametrize("body", [b'{"long":"%b"}' % (b"x y " * 500), b"[" * 100_000 + b"]" * 100_000])
async def test_a_log_that_cannot_be_indexed_may_contain_anything(
    api: httpx2.AsyncClient, store: Store, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_index, "MOST", 1000)
    await store.add(a_log(1, request=body))
    await store.add(a_log(2, request=None, response=None))

    await store.indexed()

    assert await numbers(api, text="refund") == [1]


@pytest.mark.anyio
async def test_a_log_that_is_not_indexed_yet_may_contain_anything(
    api: httpx2.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await added(store, "refund", "invoice")
    monkeypatch.setattr(indexer, "QUIET_S", 1000)
    await store.add(saying(2, "invoice"))

    assert await numbers(api, text="refund") == [2, 0]


@pytest.mark.anyio
@pytest.mark.parametrize("shift", range(-8, 8))
async def test_a_text_is_found_where_a_long_body_is_cut(api: httpx2.AsyncClient, store: Store, shift: int) -> None:
    await added(store, ". " * (store_index.PIECE // 2 - 10) + " " * shift + "the quick fox. " + ". " * 100_000, "fox")

    assert await numbers(api, text="the quick fox") == [0]
    assert await counted(store, "pieces") > 3


@pytest.mark.anyio
async def test_a_half_indexed_long_body_may_contain_anything(
    api: httpx2.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.indexed()
    monkeypatch.setattr(indexer, "QUIET_S", 1000)
    await store.add(saying(0, ". " * store_index.PIECE + "the quick fox"))
    first, *rest = await store.read(store_index.waiting)

    await store.write(lambda db: store_index.fill(db, [first]))

    assert rest
    assert await numbers(api, text="the quick fox") == [0]


@pytest.mark.anyio
async def test_a_deleted_log_is_not_found_and_one_in_its_place_is(api: httpx2.AsyncClient, store: Store) -> None:
    await added(store, "refund", "invoice", "receipt")
    await store.delete_logs("default", LogDeletion(order_by_direction="desc", limit=2))
    await store.add(saying(1, "receipt"))
    await store.indexed()

    assert await numbers(api, text="refund") == [0]
    assert await numbers(api, text="receipt") == [1]
    assert await numbers(api, text="invoice") == []


@pytest.mark.anyio
async def test_an_index_of_mostly_deleted_logs_is_rebuilt(
    api: httpx2.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_index, "MANY_STALE", 3)
    await added(store, *["refund"] * 6)
    await store.delete_logs("default", LogDeletion(limit=5))

    await store.add(saying(6, "invoice"))

    with anyio.fail_after(10):  # the index is rebuilt once nothing waits
        while await counted(store, "pieces") != 2:  # noqa: ASYNC110 (the store sends no signal)
            await anyio.sleep(0.01)
    assert await numbers(api, text="refund") == [5]
    assert await numbers(api, text="invoice") == [6]


@pytest.mark.anyio
async def test_logs_that_others_index_or_delete_meanwhile_are_left_alone(store: Store) -> None:
    await added(store, "refund", "invoice")
    (indexed,) = await store.read(lambda db: db.execute("SELECT max(seq) FROM logs").fetchone())

    await store.write(lambda db: store_index.fill(db, [store_index.Piece(indexed, "x"), store_index.Piece(1, None)]))

    assert (await counted(store, "pieces"), await counted(store, "unindexable")) == (2, 0)


@pytest.mark.anyio
async def test_stores_that_share_a_file_index_each_log_once(tmp_path: Path) -> None:
    async with Store(tmp_path / "g.db") as one, Store(tmp_path / "g.db") as other:
        async with anyio.create_task_group() as tasks:
            for number in range(40):
                tasks.start_soon((one, other)[number % 2].add, saying(number, "refund"))
        await one.indexed()
        pieces = await counted(other, "pieces")

    assert pieces == 40


@pytest.mark.anyio
async def test_a_log_that_failed_to_index_is_retried_with_the_next_one(store: Store, api: httpx2.AsyncClient) -> None:
    failing = Failing(store)
    own = indexer.Indexer(failing)
    with anyio.fail_after(5):
        await failing.failed.wait()

    await store.write(lambda db: insert(db, saying(1, "refund")))
    own.note_log()
    with anyio.fail_after(5):
        await own.indexed()
    await own.close()

    assert await numbers(api, text="invoice") == []


class Failing:
    """A store whose first read fails."""

    def __init__(self, store: Store) -> None:
        self.failed = anyio.Event()
        self.write = store.write
        self._store = store

    async def read(self, work: Any) -> Any:
        if self.failed.is_set():
            return await self._store.read(work)
        self.failed.set()
        raise GatewayError("The disk is full.")


@pytest.mark.anyio
@pytest.mark.parametrize("adds", [0, 200])
async def test_a_store_closes_while_it_indexes(tmp_path: Path, adds: int) -> None:
    with anyio.fail_after(60):
        async with Store(tmp_path / "g.db") as store:
            for number in range(adds):
                await store.write(lambda db, number=number: insert(db, saying(number, "refund " * 2000)))
        async with Store(tmp_path / "g.db") as store:
            await store.indexed()

            assert await counted(store, "pieces") == adds


texts = st.text(st.sampled_from("abAB \n\"'\\*^:{}[]\0\u0130ßſ\u212aé\ufb01\U0001f600\ufffe"), max_size=12)


@settings(deadline=None)
@given(st.lists(texts, min_size=1, max_size=4), st.data())
def test_a_log_is_found_by_any_part_of_its_text(said: Sequence[str], data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(said))
    start = data.draw(st.integers(0, len(whole)))
    part = whole[start : data.draw(st.integers(start, len(whole)))]
    held = store_index.holding(data.draw(st.sampled_from([part, part.upper(), part.lower()])))

    with closing(sqlite3.connect(":memory:")) as db:
        db.row_factory = sqlite3.Row
        db.executescript(f"{store_schema.SCHEMA} {store_schema.INDEX}")
        create(db, "default", DEFAULT.stored(), 0)
        insert(db, a_log(response=json.dumps({"parts": said}).encode()))
        store_index.fill(db, store_index.waiting(db))
        found = db.execute(f"SELECT id FROM logs WHERE {held.sql}", held.values).fetchall() if held else [a_log()]

    assert len(found) == 1
