"""`list_logs` with the handle of an earlier answer: what is new since then, each log once."""

import re
from typing import Any

import pytest
from logs import a_failed_log, a_log
from mcp import Client

from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

SECOND = 1 / 60


async def listed(client: Client, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool("list_logs", arguments)
    assert not result.is_error, result.content[0].text
    assert result.structured_content["next"] in result.content[0].text
    return result.structured_content


def handle(answer: dict[str, Any]) -> str:
    return re.search(r"since=(\S+)", answer["next"])[1]


def numbers(answer: dict[str, Any]) -> list[int]:
    """The numbers of the logs in an answer (see `a_log`)."""
    place = answer["columns"].index("id") if answer["rows"] else 0
    return [int(row[place][-4:], 16) for row in answer["rows"]]


async def test_only_logs_since_the_handle_are_listed(client: Client, store: Store) -> None:
    await store.add(a_log(1))
    first = await listed(client)
    await store.add(a_log(2, minutes=1))
    await store.add(a_failed_log(3, minutes=2))

    second = await listed(client, since=handle(first))
    third = await listed(client, since=handle(second))

    assert numbers(second) == [3, 2]
    assert second["summary"].startswith("2 of 2 logs of gateway default, new, newest first, ")
    assert "1 failed" in second["summary"]
    assert numbers(third) == []
    assert third["summary"] == "Nothing new in gateway default since the answer that gave this handle."
    assert handle(third) == handle(second)


async def test_the_same_handle_gives_the_same_answer(client: Client, store: Store) -> None:
    await store.add(a_log(1))
    first = await listed(client)
    await store.add(a_log(2, minutes=1))

    assert await listed(client, since=handle(first)) == await listed(client, since=handle(first))


async def test_a_log_of_the_same_instant_that_appears_later_is_new(client: Client, store: Store) -> None:
    await store.add(a_log(1))
    first = await listed(client)
    await store.add(a_log(2))

    assert numbers(await listed(client, since=handle(first))) == [2]


async def test_a_log_that_appears_out_of_order_is_new(client: Client, store: Store) -> None:
    await store.add(a_log(1, minutes=4 * SECOND))
    first = await listed(client)
    await store.add(a_log(2))

    assert numbers(await listed(client, since=handle(first))) == [2]


async def test_a_slow_call_dated_by_its_start_is_new(client: Client, store: Store) -> None:
    await store.add(a_log(1, minutes=5))
    first = await listed(client)
    await store.add(a_failed_log(2, minutes=1, duration=300_000))

    assert numbers(await listed(client, since=handle(first))) == [2]


async def test_older_logs_that_did_not_fit_the_page_are_not_new(client: Client, store: Store) -> None:
    for number in range(1, 6):
        await store.add(a_log(number, minutes=number * SECOND))
    first = await listed(client, per_page=2)
    await store.add(a_log(6, minutes=6 * SECOND))

    assert numbers(await listed(client, since=handle(first))) == [6]


async def test_everything_is_new_after_an_empty_answer(client: Client, store: Store) -> None:
    first = await listed(client)
    await store.add(a_log(1))

    assert numbers(await listed(client, since=handle(first))) == [1]


async def test_after_an_empty_answer_nothing_before_its_start_date_is_new(client: Client, store: Store) -> None:
    await store.add(a_log(1))
    first = await listed(client, start_date="2026-11-21T12:30:00Z")
    await store.add(a_log(2, minutes=40))

    assert numbers(await listed(client, since=handle(first))) == [2]


async def test_filters_hold(client: Client, store: Store) -> None:
    await store.add(a_failed_log(1))
    first = await listed(client, success=False)
    await store.add(a_log(2, minutes=1))
    await store.add(a_failed_log(3, minutes=2))

    assert numbers(await listed(client, success=False, since=handle(first))) == [3]


async def test_logs_that_do_not_fit_the_page_are_counted_and_on_the_next_page(client: Client, store: Store) -> None:
    first = await listed(client)
    for number in range(1, 8):
        await store.add((a_failed_log if number < 3 else a_log)(number, minutes=number))

    second = await listed(client, since=handle(first), per_page=4)
    rest = await listed(client, since=handle(first), per_page=4, page=2)

    assert numbers(second) == [7, 6, 5, 4]
    assert "Of all 7 new logs 2 failed." in second["summary"]
    assert numbers(rest) == [3, 2, 1]
    assert handle(rest) == handle(second)
    assert numbers(await listed(client, since=handle(second))) == []


async def test_a_burst_is_read_up_to_a_limit_that_is_reported(client: Client, store: Store) -> None:
    first = await listed(client)
    for number in range(1, 211):
        await store.add(a_log(number, minutes=number * SECOND / 100))

    second = await listed(client, since=handle(first), per_page=50)

    assert second["total_count"] == 200
    assert "Only the newest 200 logs were looked at" in second["summary"]
    assert len(handle(second)) < 300
    assert numbers(await listed(client, since=handle(second))) == []


@pytest.mark.parametrize(
    "wrong", ["yesterday", "2026-11-21", "-", "h19a-0", "h19a-0-1388-toolong", "h" + "9" * 40, "h19a-0-1388-ab\u0301c"]
)
async def test_an_invalid_handle_is_refused(client: Client, wrong: str) -> None:
    result = await client.call_tool("list_logs", {"since": wrong})

    assert result.is_error
    assert result.content[0].text == (
        "since must be the handle that an earlier list_logs gave; start_date takes a time."
    )


@pytest.mark.parametrize("other", [{"order_by": "cost"}, {"order_by_direction": "asc"}, {"end_date": "2026-11-22"}])
async def test_another_order_or_an_end_is_refused(client: Client, store: Store, other: dict[str, str]) -> None:
    await store.add(a_log(1))
    given = handle(await listed(client))

    result = await client.call_tool("list_logs", {"since": given} | other)

    assert result.is_error
    assert "Omit order_by, order_by_direction and end_date." in result.content[0].text


@pytest.mark.parametrize(
    "other", [{"order_by": "cost"}, {"order_by_direction": "asc"}, {"end_date": "2026-11-22"}, {"page": 2}]
)
async def test_a_page_of_a_closed_range_has_no_handle(client: Client, store: Store, other: dict[str, Any]) -> None:
    await store.add(a_log(1))

    assert "since=" not in (await listed(client, **other))["next"]
