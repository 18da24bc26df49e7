"""Spend by client, session and user equals independent sums over the store, however many calls there are."""

import json
import random
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from logs import a_log, keep
from management import ACCOUNT
from mcp import Client
from tokens import o200k

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_tools.amounts import spent

pytestmark = pytest.mark.anyio

HOUR = {"start_date": "2026-11-21T12:00Z", "end_date": "2026-11-21T13:00Z"}
AGENTS = {
    "claude-cli/2.1.197 (external, cli)": "Claude Code",
    "claude-cli/2.1.198 (external, sdk-py)": "Claude Code",
    "codex_cli_rs/0.171.0 (Ubuntu 24.4.0; x86_64)": "Codex",
    "OpenAI/Python 3.57.0": "OpenAI SDK",
    "AsyncOpenAI/Python 3.57.0": "OpenAI SDK",
    "Anthropic/JS 0.90.0": "Anthropic SDK",
    "GithubCopilot/1.400.0": "Copilot",
    "my-app/7": "my-app",
    "": "(none)",
}
COUNT = 3300

Spent = dict[str, tuple[int, Decimal, int]]
"""Calls, US dollars and tokens in, by group."""


def calls(more: Callable[[int], dict[str, Any]] = lambda _: {}) -> Iterator[Record]:
    """Yield an hour of calls: more than are read for a span."""
    chance = random.Random(15)
    for number in range(COUNT):
        user = chance.choice([*("u1", "u2", "u3", 7), None])
        metadata: dict[str, Any] = {} if user is None else {"cf.user_id": user}
        metadata |= {"team": chance.choice(["red", "blue"])} | more(number)
        at = {"minutes": 59 * number / COUNT, "user_agent": chance.choice([*AGENTS])}
        session = chance.choice(["s1", "s2", "s3", None])
        cost = chance.randrange(1, 10**9) / 10**9
        counted = {"tokens_in": chance.randrange(1, 5000), "cost": cost}
        yield a_log(number, metadata=metadata or None, session=session, request=None, **at, **counted)


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway's file with these calls: filled once, copied for each test."""
    path = tmp_path_factory.mktemp("hour") / "gateway.db"

    async def fill() -> None:
        async with Store(path) as store:
            await keep(store, calls())

    anyio.run(fill)
    return path


@pytest.fixture
async def filled(hour: Path, tmp_path: Path) -> AsyncGenerator[Store]:
    shutil.copy(hour, tmp_path)
    async with Store(tmp_path / "gateway.db") as store:
        yield store


def summed(folder: Path, name: Callable[[Mapping[str, Any]], Any]) -> Spent:
    """Return decimal sums over the store's rows, by group."""
    held: dict[str, list[sqlite3.Row]] = defaultdict(list)
    with closing(sqlite3.connect(folder / "gateway.db")) as db:
        db.row_factory = sqlite3.Row
        for row in db.execute("SELECT * FROM logs"):
            held[str(name(row) or "(none)")].append(row)
    return {
        group: (len(rows), sum(Decimal(repr(row["cost"])) for row in rows), sum(row["tokens_in"] for row in rows))
        for group, rows in held.items()
    }


def metadata(row: Mapping[str, Any], key: str) -> Any:
    return json.loads(row["metadata"] or "{}").get(key)


BY: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "user_agent": lambda row: AGENTS[row["user_agent"]],
    "session": lambda row: row["session"],
    "user": lambda row: metadata(row, "cf.user_id"),
    "metadata.team": lambda row: metadata(row, "team"),
}


def told(summary: dict[str, Any]) -> Spent:
    shared = summary.get("same") or {}
    rows = [dict(zip(summary["columns"], row, strict=True)) | shared for row in summary["rows"]]
    return {next(iter(row.values())): (row["calls"], Decimal(repr(row["$"])), row["in"]) for row in rows}


def to_the_millionth(spent: Spent) -> Spent:
    return {name: (calls, Decimal(repr(round(float(cost), 6))), sent) for name, (calls, cost, sent) in spent.items()}


async def asked(client: Client, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool("summarize_logs", HOUR | arguments)
    assert not result.is_error, result.content[0].text
    summary = result.structured_content
    assert max(o200k(result.content[0].text), o200k(json.dumps(summary))) < 1500
    return summary


@pytest.mark.parametrize("by", BY)
async def test_sums_over_more_logs_than_are_read_are_exact(tmp_path: Path, filled: Store, by: str) -> None:
    async with Client(build_server(Settings(local=str(tmp_path / "gateway.db")))) as client:
        summary = await asked(client, group_by=by)

    assert told(summary) == to_the_millionth(summed(tmp_path, BY[by]))
    assert f": {COUNT:,} calls" in summary["summary"]
    assert "Counts and sums from analytics (all calls)" in summary["basis"]


class Elsewhere(httpx2.ASGITransport):
    """An API without the local gateway's own dimensions and, if requested, without metadata dimensions or any
    analytics.
    """

    def __init__(self, store: Store, *lacking: str) -> None:
        super().__init__(app=build_app(store))
        self.lacking = ("sessionId", *lacking)
        self.refused: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = request.content.decode() if request.url.path.endswith("/graphql") else ""
        if missing := next((name for name in self.lacking if name in body), ""):
            self.refused.append(missing)
            return httpx2.Response(200, json={"data": None, "errors": [{"message": f"unknown field {missing}"}]})
        return await super().handle_async_request(request)


def elsewhere(transport: Elsewhere) -> Client:
    settings = Settings(account_id=ACCOUNT, api_token="t", api_url="http://127.0.0.1/client/v4")
    return Client(build_server(settings, transport))


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("lacking", ["metadataRaw", "query"])
async def test_without_analytics_every_log_is_read(tmp_path: Path, filled: Store, by: str, lacking: str) -> None:
    async with elsewhere(Elsewhere(filled, lacking)) as client:
        summary = await asked(client, group_by=by)

    assert told(summary) == to_the_millionth(summed(tmp_path, BY[by]))
    if by != "user_agent" or lacking == "query":
        assert "All figures from all 3,300 logs." in summary["basis"]


async def test_metadata_that_differs_in_each_call_is_tolerated(tmp_path: Path, store: Store) -> None:
    await keep(store, calls(lambda number: {"trace": f"t{number}"}))
    async with Client(build_server(Settings(local=str(tmp_path / "gateway.db")))) as client:
        summary = await asked(client, group_by="user")

    assert told(summary) == to_the_millionth(summed(tmp_path, BY["user"]))


async def test_an_api_without_sessions_is_queried_for_them_once(filled: Store) -> None:
    transport = Elsewhere(filled)
    async with elsewhere(transport) as client:
        for _ in range(2):
            await asked(client, group_by="session")

    assert transport.refused == ["sessionId"]


async def test_sums_over_too_many_logs_are_marked_as_partial(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is lowered: ten thousand logs would take too long."""
    monkeypatch.setattr("cf_aig_tools.summary.pages.MOST_EXACT", 3000)
    async with elsewhere(Elsewhere(filled, "query")) as client:
        summary = await asked(client, group_by="user")

    assert "estimated from 1,000 of 3,300 logs" in summary["basis"]


def test_a_sum_is_rounded_as_the_exact_one_is() -> None:
    """With tens of thousands of costs, float errors decide how half a millionth is rounded."""
    costs = [0.0000015, *[0.1] * 10, *[0.0123] * 1000]
    for exact in (sum(map(Decimal, map(repr, costs))), Decimal("127.4757495"), Decimal("11.6132945")):
        for error in (-1e-11, 0, 1e-11):
            assert spent(float(exact) + error) == round(float(exact), 6)
