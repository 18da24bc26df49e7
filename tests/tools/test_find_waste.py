"""Waste is named by kind and in dollars, as an independent sum has it; an honest day has none."""

import json
import random
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import waste
from mcp import Client
from prompt_caches import CAUSES, Cause, Lab, broken, lab
from tokens import o200k

from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store

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
async def test_each_kind_is_told_in_the_dollars_of_an_independent_sum(client: Client, store: Store, name: str) -> None:
    planted = waste.Planted()
    KINDS[name](planted, random.Random(3))
    await fill(store, [*planted.records, *waste.honest(100)])

    text, structured = await found(client)

    agrees(structured, planted)
    for kind in kinds_of(structured).values():
        assert kind["example"] in {record.id for record in planted.records}
        assert f"- {kind['kind']}: $" in text
        assert f"save it: {kind['change']}" in text


async def test_all_kinds_at_once_are_told_apart(client: Client, store: Store) -> None:
    planted, chance = waste.Planted(), random.Random(4)
    for plant in KINDS.values():
        plant(planted, chance)
    await fill(store, [*planted.records, *waste.honest(100)])

    _, structured = await found(client)

    agrees(structured, planted)


async def test_an_honest_day_has_none_and_says_what_was_looked_for(client: Client, store: Store) -> None:
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
    assert (kind["kind"], kind["calls"], kind["example"]) == ("prompt cache missed", 1, miss.log["id"])
    assert kind["tokens"] == pytest.approx(miss.missed, rel=0.01)
    assert kind["dollars"] == pytest.approx(miss.dollars, rel=0.02)
    assert [cause[0] for cause in kind["causes"]] == [cause.stated if ask_why and cause.stated else cause.told]
