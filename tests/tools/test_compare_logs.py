import json
from typing import Any

import pytest
from logs import a_failed_log, a_log
from mcp import Client
from tokens import o200k

from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio


def request(turns: list[str], **parameters: Any) -> bytes:
    said = [{"role": "user" if place % 2 else "system", "content": turn} for place, turn in enumerate(turns)]
    return json.dumps({"model": "gpt-4o-mini", "messages": said, **parameters}).encode()


async def compared(client: Client, **arguments: Any) -> tuple[str, dict[str, Any]]:
    given = {"log_id": a_log(1).id, "other_log_id": a_log(2).id} | arguments
    result = await client.call_tool("compare_logs", given)
    assert not result.is_error, result.content[0].text
    return result.content[0].text, result.structured_content


async def test_what_differs_is_told_and_what_is_the_same_is_named(client: Client, store: Store) -> None:
    await store.add(a_log(1, request=request(["Be brief.", "Why?"], temperature=0.2)))
    await store.add(a_failed_log(2, request=request(["Be brief.", "How?"], temperature=0.9), duration=9000))

    text, structured = await compared(client)

    differs = {what: [one, other] for what, one, other in structured["differs"]}
    assert differs["outcome"] == ["200 succeeded", "503 failed, overloaded"]
    assert differs["duration"] == ["0.81 s", "9 s"]
    assert differs["parameter temperature"] == ["0.2", "0.9"]
    assert differs["turn 1 /messages/1"] == ["user: Why?", "user: How?"]
    assert {"model", "provider", "the first 1 turns", "number of turns"} <= set(structured["same"])
    for what, one, other in structured["differs"]:
        assert f"{what}: {one or '(none)'} → {other or '(none)'}" in text


async def test_long_texts_are_shown_from_where_they_part(client: Client, store: Store) -> None:
    await store.add(a_log(1, request=request(["word " * 2000 + "blue"])))
    await store.add(a_log(2, request=request(["word " * 2000 + "green"])))

    _, structured = await compared(client)

    (turn,) = [row for row in structured["differs"] if row[0].startswith("turn 0")]
    assert turn[1].endswith("word blue")
    assert turn[2].endswith("word green")
    assert len(turn[1]) < 100


async def test_a_body_that_is_not_stored_is_said(client: Client, store: Store) -> None:
    await store.add(a_log(1))
    await store.add(a_log(2, response=None))

    _, structured = await compared(client)

    assert "Not compared, as it is not stored: response body." in structured["summary"]


@pytest.mark.parametrize("sign", ["x", "漢", '"', "🧪"])
async def test_the_budget_holds_whatever_the_bodies_hold(client: Client, store: Store, sign: str) -> None:
    for number in (1, 2):
        turns = [f"{number}{sign * 5000}"] * 30
        await store.add(
            a_log(number, model=f"{number}{sign * 300}", request=request(turns, user=f"{number}{sign * 3000}"))
        )

    text, structured = await compared(client, budget=600)

    assert o200k(text) <= 600
    assert o200k(json.dumps(structured, ensure_ascii=False)) <= 600


async def test_secrets_are_masked_before_anything_is_cut(client: Client, store: Store) -> None:
    key = "sk-proj-" + "Ab3dE6gH9jK2mN5pQ8sT" * 3
    await store.add(a_log(1, request=request(["a " * 20 + key])))
    await store.add(a_log(2, request=request(["a " * 20 + key[:30] + "Z" * 20])))

    text, structured = await compared(client)

    assert key[10:20] not in text + json.dumps(structured)


async def test_an_unknown_log_is_told(client: Client) -> None:
    result = await client.call_tool("compare_logs", {"log_id": "a", "other_log_id": "b"})

    assert result.is_error
    assert "No log a in gateway default" in result.content[0].text
