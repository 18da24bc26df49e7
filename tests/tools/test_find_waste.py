"""Waste is named by kind and in dollars that match an independent sum. An honest day has none."""

import json
import random
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import waste
from management import ACCOUNT
from mcp import Client
from prompt_caches import CAUSES, Cause, Lab, broken, lab
from tokens import o200k

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.asgi import ASGITransport
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_tools.waste import reading

pytestmark = pytest.mark.anyio

SPAN = {"start_date": "2026-11-21T12:00Z", "end_date": "2026-11-23T12:00Z"}


async def found(client: Client, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = await client.call_tool("find_waste", SPAN | arguments)
    text = result.content[0].text
    assert not result.is_error, text
    assert max(o200k(text), o200k(json.dumps(result.structured_content, ensure_ascii=False))) < 1500
    return text, result.structured_content


async def fill(store: Store, records: Iterable[Record]) -> None:
    for record in sorted(records, key=lambda record: record.created_at):
        await store.add(record)


def kinds_of(structured: dict[str, Any]) -> dict[str, dict[str, Any]]:
    names = ("kind", "calls", "tokens", "dollars", "example", "causes", "change")
    return {row[0]: dict(zip(names, row, strict=True)) for row in structured["kinds"]}


def agrees(structured: dict[str, Any], planted: waste.Planted) -> None:
    kinds = kinds_of(structured)
    assert set(kinds) == set(planted.dollars)
    for name, dollars in planted.dollars.items():
        assert kinds[name]["dollars"] == pytest.approx(dollars, rel=0.01)
        assert kinds[name]["calls"] == planted.calls[name]


KINDS: dict[str, Callable[[waste.Planted, random.Random], None]] = {
    "repeated": lambda planted, chance: waste.repeated(planted, chance, 3, 12),
    "nearly": lambda planted, chance: waste.nearly(planted, chance, 4, 6),
    "failed again": lambda planted, chance: waste.failed_again(planted, chance, 12),
    "answered again": lambda planted, chance: waste.answered_again(planted, chance, 12),
    "cut off": lambda planted, chance: waste.cut_off(planted, chance, 12),
    "thought away": lambda planted, chance: waste.thought_away(planted, chance, 12),
    "broken caches": lambda planted, chance: waste.broken_caches(planted, chance, 9),
    "too good": lambda planted, chance: waste.too_good(planted, chance, 80),
    "guarded": lambda planted, chance: waste.guarded(planted, chance, 12),
    "heavy": lambda planted, chance: waste.heavy(planted, chance, 12),
}


@pytest.mark.parametrize("name", KINDS)
async def test_each_kind_has_the_dollars_of_an_independent_sum(client: Client, store: Store, name: str) -> None:
    planted = waste.Planted()
    KINDS[name](planted, random.Random(3))
    await fill(store, [*planted.records, *waste.honest(100)])

    text, structured = await found(client)

    agrees(structured, planted)
    for kind in kinds_of(structured).values():
        assert kind["example"] in {record.id for record in planted.records}
        assert f"- {kind['kind']}: $" in text
        assert f"fix: {kind['change']}" in text


async def test_all_kinds_at_once_are_distinguished(client: Client, store: Store) -> None:
    planted, chance = waste.Planted(), random.Random(4)
    for plant in KINDS.values():
        plant(planted, chance)
    await fill(store, [*planted.records, *waste.honest(100)])

    _, structured = await found(client)

    agrees(structured, planted)


async def test_an_honest_day_has_no_waste_and_says_what_was_looked_for(client: Client, store: Store) -> None:
    records = list(waste.honest(400))
    await fill(store, records)

    text, structured = await found(client)

    assert structured["kinds"] == []
    assert f": no waste found in {len(records)} calls, $" in text
    assert f"Read all {len(records)} logs." in text
    assert "Looked for: repeated requests" in text


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncGenerator[Lab]:
    async with lab(tmp_path / "gateway.db") as gateway:
        yield gateway


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Lab]:
    async with lab(tmp_path / "control.db") as control:
        yield control


@pytest.mark.parametrize("ask_why", [False, True])
@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
async def test_a_prompt_cache_breaker_is_named_with_its_dollars(
    client: Client, gateway: Lab, control: Lab, cause: Cause, ask_why: bool
) -> None:
    miss = await broken(gateway, control, cause, ask_why=ask_why)

    _, structured = await found(client, start_date="2026-11-24T08:00Z", end_date="2026-11-24T10:00Z")

    (kind,) = kinds_of(structured).values()
    assert (kind["kind"], kind["calls"], kind["example"]) == ("prompt cache misses", 1, miss.log["id"])
    assert kind["tokens"] == pytest.approx(miss.missed, rel=0.01)
    assert kind["dollars"] == pytest.approx(miss.dollars, rel=0.02)
    assert [cause[0] for cause in kind["causes"]] == [cause.stated if ask_why and cause.stated else cause.told]


class WithoutFingerprints(ASGITransport):
    """Answers like Cloudflare, which has no such list of logs: refuses its path."""

    refuses = "/none"

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/logs/fingerprints"):
            refused = {"success": False, "errors": [{"code": 7002, "message": "Not Found"}], "result": {}}
            return httpx2.Response(404, json=refused)
        if request.url.path.endswith(self.refuses):
            return httpx2.Response(403, json={"success": False, "errors": [{"code": 10000, "message": "No"}]})
        return await super().handle_async_request(request)


@asynccontextmanager
async def elsewhere(store: Store, refuses: str = "/none", **options: Any) -> AsyncGenerator[Client]:
    """Yield a client of the server on an account without fingerprints."""
    async with anyio.create_task_group() as tasks:
        wire = WithoutFingerprints(build_app(store, **options), tasks)
        wire.refuses = refuses
        root = "http://127.0.0.1"
        settings = Settings(
            account_id=ACCOUNT, api_token="t", api_url=f"{root}/client/v4", data_url=f"{root}/v1", log_days=3650
        )
        async with Client(build_server(settings, wire)) as client:
            yield client
        tasks.cancel_scope.cancel()


SYSTEMS: dict[str, dict[str, Any]] = {"logs API": {}, "observability": {"logs": "observability"}}


@pytest.mark.parametrize("system", SYSTEMS)
async def test_without_fingerprints_the_bodies_give_the_same_result(store: Store, system: str) -> None:
    planted, chance = waste.Planted(), random.Random(4)
    for name in ("repeated", "failed again", "answered again", "cut off", "broken caches", "heavy"):
        KINDS[name](planted, chance)
    await fill(store, planted.records)

    async with elsewhere(store, **SYSTEMS[system]) as client:
        text, structured = await found(client)

    assert f"Read all {len(planted.records)} logs, and " in text
    agrees(structured, planted)


async def test_beyond_its_limits_it_says_what_was_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are lowered: creating an account of their size would take minutes."""
    monkeypatch.setattr(reading, "MOST_PAGES", 2)
    monkeypatch.setattr(reading, "MOST_REQUESTS", 12)
    planted = waste.Planted()
    waste.repeated(planted, random.Random(3), 10, 12)
    await fill(store, planted.records)

    async with elsewhere(store) as client:
        text, structured = await found(client)

    assert "Read the newest 100 of 120 logs, since 2026-11-2" in text
    assert ", and 5 of the 100 bodies they point to. Nothing is extrapolated." in text
    assert structured["basis"] in text


async def test_what_was_read_is_reported_if_the_gateway_then_fails(store: Store) -> None:
    planted, chance = waste.Planted(), random.Random(3)
    waste.guarded(planted, chance, 12)
    waste.repeated(planted, chance, 2, 12)
    await fill(store, planted.records)

    async with elsewhere(store, refuses="/request") as client:
        text, structured = await found(client)

    assert list(kinds_of(structured)) == ["guardrails evaluation calls"]
    assert "Stopped reading: " in text


async def test_requests_about_different_ids_are_different(client: Client, store: Store) -> None:
    chance = random.Random(6)
    for number in range(20):
        answer = {
            "choices": [{"message": {"role": "assistant", "content": f"Order {number} is {waste.said(chance, 5)}"}}]
        }
        question = f"Where is order ord_{chance.getrandbits(60):015x}a1?"
        call = waste.a_call(number, waste.chat(("user", question)), response=json.dumps(answer).encode())
        await store.add(call)

    _, structured = await found(client)

    assert structured["kinds"] == []


async def test_ids_in_questions_are_ignored_if_the_answers_are_the_same(client: Client, store: Store) -> None:
    chance = random.Random(6)
    for number in range(20):
        question = f"Request req_{chance.getrandbits(60):015x}a1: is the sky blue?"
        await store.add(waste.a_call(number, waste.chat(("user", question))))

    _, structured = await found(client)

    (kind,) = kinds_of(structured).values()
    assert (kind["kind"], kind["calls"]) == ("requests that differ only in a time or id", 19)


async def test_calls_answered_from_the_gateways_cache_are_not_waste(client: Client, store: Store) -> None:
    for number in range(20):
        hit = {"cached": True, "cost": 0} if number % 10 else {}
        await store.add(waste.a_call(number, waste.chat(("user", "Why is the sky blue?")), **hit))

    _, structured = await found(client)

    assert structured["kinds"] == []


async def test_filters_narrow_what_is_looked_at(client: Client, store: Store) -> None:
    planted = waste.Planted()
    waste.repeated(planted, random.Random(3), 6, 12)
    await fill(store, planted.records)
    calls = [record for record in planted.records if record.metadata and record.metadata["feature"] == "search"]

    text, structured = await found(client, metadata={"feature": "search"}, model="openai/gpt-4o")

    assert f" of {len(calls)}." in structured["summary"]
    assert "feature=search" in text
    assert "feature=summary" not in text


async def test_secrets_in_the_names_of_causes_are_masked(client: Client, store: Store) -> None:
    key = "sk-proj-" + "Ab3dE6gH9jK2mN5pQ8sT" * 3
    for number in range(20):
        request = waste.chat(("user", "Why is the sky blue?"))
        await store.add(waste.a_call(number, request, metadata={"feature": key}))

    text, structured = await found(client)

    assert "feature=" in text
    assert key[8:20] not in text + json.dumps(structured)


async def test_no_logs_say_what_may_be_the_cause(client: Client, store: Store) -> None:
    await store.add(waste.a_call(0, waste.chat(("user", "Why?"))))

    text, structured = await found(client, model="none")

    assert structured["summary"] == "default, 2026-11-21 12:00 to 2026-11-23 12:00 UTC: no logs."
    assert "Likely: " in text


async def test_invalid_dates_are_refused(client: Client, store: Store) -> None:
    result = await client.call_tool("find_waste", {"start_date": "yesterday"})

    assert result.is_error
    assert "start_date 'yesterday' is not a date" in result.content[0].text
