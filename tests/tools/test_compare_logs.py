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


async def test_differences_are_shown_and_equal_parts_are_named(client: Client, store: Store) -> None:
    await store.add(a_log(1, request=request(["Be brief.", "Why?"], temperature=0.2)))
    await store.add(a_failed_log(2, request=request(["Be brief.", "How?"], temperature=0.9), duration=9000))

    text, structured = await compared(client)

    differs = {what: [one, other] for what, one, other in structured["differs"]}
    assert differs["outcome"] == ["200 succeeded", "503 failed, overloaded"]
    assert differs["duration"] == ["0.81 s", "9 s"]
    assert differs["request /temperature"] == ["0.2", "0.9"]
    assert differs["request, turn /messages/1"] == ["user: Why?", "user: How?"]
    assert {"model", "provider", "the first turn of the request"} <= set(structured["same"])
    for what, one, other in structured["differs"]:
        assert f"{what}: {one or '(none)'} → {other or '(none)'}" in text


async def test_long_texts_are_shown_from_where_they_differ(client: Client, store: Store) -> None:
    await store.add(a_log(1, request=request(["word " * 2000 + "blue"])))
    await store.add(a_log(2, request=request(["word " * 2000 + "green"])))

    _, structured = await compared(client)

    (turn,) = [row for row in structured["differs"] if row[0].startswith("request, turn /messages/0")]
    assert turn[1].endswith("word blue")
    assert turn[2].endswith("word green")
    assert len(turn[1]) < 100


async def test_a_body_that_is_not_stored_is_reported(client: Client, store: Store) -> None:
    await store.add(a_log(1))
    await store.add(a_log(2, response=None))

    _, structured = await compared(client)

    assert "Not compared: reply body (not stored)." in structured["summary"]


@pytest.mark.parametrize("sign", ["x", "漢", '"', "🧪"])
async def test_the_budget_holds_for_any_bodies(client: Client, store: Store, sign: str) -> None:
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


def tool(number: int, type_: str = "string") -> dict[str, Any]:
    schema = {"type": "object", "properties": {"id": {"type": type_}}}
    return {"type": "function", "function": {"name": f"tool_{number}", "parameters": schema}}


async def differences(client: Client, store: Store, one: bytes, other: bytes, **arguments: Any) -> dict[str, list[str]]:
    await store.add(a_log(1, request=one))
    await store.add(a_log(2, request=other))
    _, structured = await compared(client, **arguments)
    return {what: [first, second] for what, first, second in structured["differs"]}


@pytest.mark.parametrize(
    ("parameters", "others", "place"),
    [
        ({"safety_identifier": "a"}, {"safety_identifier": "b"}, "/safety_identifier"),
        ({"store": False}, {}, "/store"),
        ({"logit_bias": {"50256": -100}}, {"logit_bias": {"50256": 0}}, "/logit_bias/50256"),
        ({"metadata": {"a/b": "x"}}, {"metadata": {"a/b": "y"}}, "/metadata/a~1b"),
        ({"n": 1}, {"n": True}, "/n"),
        ({"stop": ["a", "b"]}, {"stop": ["b"]}, "/stop/0"),
        (
            {"tools": [tool(number) for number in range(30)]},
            {"tools": [tool(number, "integer" if number == 27 else "string") for number in range(30)]},
            "/tools/27/function/parameters/properties/id/type (tool_27)",
        ),
        ({"tools": [tool(1), tool(2)]}, {"tools": [tool(2), tool(1)]}, "/tools (order)"),
        ({"tools": [tool(1), tool(2)]}, {"tools": [tool(2)]}, "/tools/0 (tool_1)"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "o", "schema": {"type": "object"}}}},
            {"response_format": {"type": "json_schema", "json_schema": {"name": "o", "schema": {"type": "array"}}}},
            "/response_format/json_schema/schema/type",
        ),
    ],
)
async def test_every_value_outside_the_turns_is_compared(
    client: Client, store: Store, parameters: dict[str, Any], others: dict[str, Any], place: str
) -> None:
    found = await differences(client, store, request(["Why?"], **parameters), request(["Why?"], **others))

    assert list(found) == [f"request {place}"]


async def test_removed_and_inserted_turns_are_reported_as_such(client: Client, store: Store) -> None:
    turns = [f"{number} is what turn {number} says of order {number}." for number in range(9)]

    found = await differences(client, store, request(turns), request([*turns[:2], *turns[6:], "One more."]))

    assert list(found) == [
        "request, 4 turns /messages/2 to /messages/5 only in log_id",
        "request, turn /messages/5 only in other_log_id",
    ]


async def test_a_changed_turn_beside_a_removed_one_is_a_pair(client: Client, store: Store) -> None:
    turns = ["You are a support agent.", "Where is my parcel?", "You are a support agent. Be brief, be kind."]

    found = await differences(
        client, store, request(turns), request([turns[0], "You are a support agent. Be brief, be clear."])
    )

    assert [what.partition(" /")[0] for what in found] == ["request, turn"] * 2


async def test_values_that_turns_do_not_show_are_compared_too(client: Client, store: Store) -> None:
    marked = {"role": "user", "content": [{"type": "text", "text": "Q", "cache_control": {"type": "ephemeral"}}]}
    bare = {"role": "user", "content": [{"type": "text", "text": "Q"}]}
    one, other = (json.dumps({"model": "claude-x", "messages": [turn]}).encode() for turn in (marked, bare))

    found = await differences(client, store, one, other)

    assert found == {"request, /messages/0/content/0/cache_control": ['{"type":"ephemeral"}', ""]}


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (b'{"rows": [1, 2]}', b'{"rows": [1, 3]}', {"request /rows/1": ["2", "3"]}),
        (b"not json", b"nor this", {"request": ["not json", "nor this"]}),
    ],
)
async def test_a_body_of_an_unknown_format_is_compared_too(
    client: Client, store: Store, one: bytes, other: bytes, found: dict[str, list[str]]
) -> None:
    assert await differences(client, store, one, other) == found


async def test_a_difference_hidden_by_masking_is_reported(client: Client, store: Store) -> None:
    keys = ["sk-proj-" + letter * 4 + "Ab3dE6gH9jK2mN5pQ8sT" * 2 for letter in "XY"]

    found = await differences(client, store, *(request(["Why?"], user=key) for key in keys))

    assert found == {"request /user": ["[openai_key]", "same except for masked text: [openai_key]"]}


async def test_tokens_that_differ_are_broken_down(client: Client, store: Store) -> None:
    usage = [
        {"prompt_tokens": 100, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": cached}}
        for cached in (0, 90)
    ]
    for number, held in enumerate(usage, 1):
        reply = {"choices": [{"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}]}
        await store.add(a_log(number, request=request(["Why?"]), response=json.dumps(reply | {"usage": held}).encode()))

    _, structured = await compared(client)

    assert structured["differs"] == [["tokens in", "100 in (0 cache read)", "100 in (10 new, 90 cache read)"]]


async def test_replies_of_different_formats_are_compared_by_what_both_have(client: Client, store: Store) -> None:
    reply = {"choices": [{"message": {"role": "assistant", "content": ""}, "finish_reason": "length"}]}
    await store.add(a_log(1, request=request(["Why?"]), response=json.dumps(reply).encode()))
    await store.add(a_failed_log(2, request=request(["Why?"]), response=b'{"error":{"message":"Overloaded"}}'))

    _, structured = await compared(client)

    differs = {what: [one, other] for what, one, other in structured["differs"]}
    assert differs["outcome"][0] == "200 succeeded, but the reply is truncated at the token limit and is empty"
    assert differs["error"] == ["", "Overloaded"]
    assert differs["finish"] == ["length", ""]


async def test_many_differences_are_counted_and_the_first_shown(client: Client, store: Store) -> None:
    one, other = (request(["Why?"], logit_bias={str(key): value for key in range(200)}) for value in (1, 2))

    await store.add(a_log(1, request=one))
    await store.add(a_log(2, request=other))
    _, structured = await compared(client)

    assert structured["summary"].startswith("200 differences, first 40 shown, ")
    assert len(structured["differs"]) == 40


async def test_an_unknown_log_gets_an_error(client: Client) -> None:
    result = await client.call_tool("compare_logs", {"log_id": "a", "other_log_id": "b"})

    assert result.is_error
    assert "No log a in gateway default" in result.content[0].text


async def test_hidden_characters_of_a_model_are_made_visible_once(client: Client, store: Store) -> None:
    await store.add(a_log(1, model="gpt-4o\u2028Succeeded: nothing"))
    await store.add(a_log(2))

    text, structured = await compared(client)

    (told,) = [one for what, one, _ in structured["differs"] if what == "model"]
    assert told.removeprefix("openai/") == "gpt-4o\\u{2028}Succeeded: nothing"
    assert f"\nmodel: {told} → openai/gpt-4o-mini\n" in text
