"""What the page draws: the tools' facts as data, within its own limits."""

import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from logs import NOON, a_failed_log, a_log
from mcp import Client
from runs import a_loop
from showing import drawn, refused, showing

from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

DAY = {"start_date": "2026-11-21", "end_date": "2026-11-22"}
KB = 1024


@pytest.fixture
async def page(tmp_path: Path, store: Store) -> AsyncGenerator[Client]:
    async with showing(local=str(tmp_path / "gateway.db")) as client:
        yield client


def size(data: Any) -> int:
    return len(json.dumps(data, ensure_ascii=False).encode())


async def told(client: Client, tool: str, **arguments: Any) -> Any:
    """Return what the model's tool says about the same, in both channels."""
    result = await client.call_tool(tool, arguments)
    return "\n".join(part.text for part in result.content if part.type == "text"), result.structured_content


async def test_an_overview_has_the_figures_and_sentences_of_the_summary(page: Client, store: Store) -> None:
    for number in range(120):
        log = a_failed_log if 60 <= number < 110 else a_log
        await store.add(log(number, minutes=5 * number, model="openai/gpt-4o" if number % 2 else "openai/gpt-4o-mini"))

    data = await drawn(page, "page_overview", **DAY, compare_to="previous")
    _, summary = await told(page, "summarize_logs", **DAY, compare_to="previous")

    assert data["summary"] == summary["summary"]
    assert data["basis"] == summary["basis"]
    assert {key: data["totals"][key] for key in ("calls", "failed", "tokens_in")} == {
        "calls": 120, "failed": 50, "tokens_in": 350,
    }  # fmt: skip
    series = data["series"]
    assert {len(values) for values in series.values()} == {144}
    assert (data["step_s"], series["t"][1] - series["t"][0]) == (600, 600)
    assert (sum(series["calls"]), sum(series["failed"])) == (120, 50)
    assert (series["p50"][0], series["p50"][73]) == (None, 0.812)
    assert series["t"][72] == NOON.timestamp()
    assert sum(data["before"]["calls"]) == 0
    assert {group["name"]: (group["calls"], group["narrow"]) for group in data["groups"]} == {
        name: (60, {"model": name}) for name in ("openai/gpt-4o-mini", "openai/gpt-4o")
    }
    mark = next(mark for mark in data["marks"] if mark["group"] == "openai/gpt-4o")
    assert mark["text"].startswith("failed 0 → 100 %")
    assert mark["t"] == (NOON + timedelta(minutes=305)).timestamp()
    [cause] = data["causes"]
    assert (cause["count"], cause["kind"], cause["words"]) == (50, "overloaded", "The server is overloaded")
    assert cause["log_id"] == a_log(109).id


async def test_what_narrows_an_overview_gives_the_calls_of_that_group(page: Client, store: Store) -> None:
    for number in range(9):
        await store.add(a_log(number, minutes=number, metadata={"team": ["a b", "c", "d"][number % 3], "userId": "u"}))

    for by in ("model", "provider", "metadata.team", "user", "hour", "cached", "gateway"):
        data = await drawn(page, "page_overview", **DAY, group_by=by)
        for group in data["groups"]:
            rows = await drawn(page, "page_logs", **(DAY | group["narrow"]))
            assert rows["total"] == group["calls"], (by, group)


@pytest.mark.parametrize(
    ("span", "step"),
    [(timedelta(minutes=5), 2), (timedelta(hours=1), 30), (timedelta(days=1), 600), (timedelta(days=30), 21_600)],
)
async def test_a_span_of_any_length_has_about_a_hundred_buckets(
    span: timedelta, step: int, page: Client, store: Store
) -> None:
    await store.add(a_log(1, minutes=1))

    data = await drawn(page, "page_overview", start_date=NOON.isoformat(), end_date=(NOON + span).isoformat())

    assert data["step_s"] == step
    assert 60 <= len(data["series"]["t"]) <= 201
    assert sum(data["series"]["calls"]) == 1


async def test_an_overview_without_calls_says_why(page: Client) -> None:
    data = await drawn(page, "page_overview")

    assert data["summary"].endswith("no calls.")
    assert "Likely:" in data["basis"]
    assert (data["groups"], data["causes"], data["marks"], sum(data["series"]["calls"])) == ([], [], [], 0)


async def test_rows_come_in_pages_that_new_calls_do_not_move(page: Client, store: Store) -> None:
    for number in range(230):
        await store.add(a_log(number, minutes=number / 10, metadata={"userId": "u1", "sessionId": "s1"}))

    first = await drawn(page, "page_logs", limit=100)
    await store.add(a_log(900, minutes=10_000_000))  # a call made since
    second = await drawn(page, "page_logs", limit=100, cursor=first["cursor"])
    third = await drawn(page, "page_logs", limit=100, cursor=second["cursor"])
    ids = [row["id"] for data in (first, second, third) for row in data["rows"]]

    assert sorted(ids) == [a_log(number).id for number in range(230)]
    assert "cursor" not in third
    row = first["rows"][0]
    assert (row["ok"], row["status"], row["seconds"], row["model"]) == (True, 200, 0.812, "openai/gpt-4o-mini")
    assert (row["user"], row["session"], row["metadata"]) == ("u1", "s1", {"userId": "u1", "sessionId": "s1"})


async def test_new_rows_are_requested_by_the_newest_id(page: Client, store: Store) -> None:
    for number in range(60):
        await store.add(a_log(number, minutes=number))
    newest = (await drawn(page, "page_logs"))["newest"]
    before = await drawn(page, "page_logs", newer_than=newest)
    await store.add(a_failed_log(100, minutes=61))
    late = a_log(101, minutes=57.5)
    await store.add(late)

    after = await drawn(page, "page_logs", newer_than=newest)

    assert len(before["rows"]) <= 3
    assert {a_log(100).id, late.id} <= {row["id"] for row in after["rows"]}
    assert (after["rows"][0]["ok"], after["rows"][0]["what"]) == (False, "overloaded")
    assert after["newest"] == "2026-11-21T13:01:00.000Z"


async def test_rows_are_sorted_and_filtered_as_list_logs_does(page: Client, store: Store) -> None:
    for number in range(20):
        await store.add(a_log(number, minutes=number, duration=1000 - number, metadata={"rank": (7 * number) % 20}))

    slow = await drawn(page, "page_logs", order_by="duration", limit=3)
    ranked = await drawn(page, "page_logs", order_by="metadata.rank", order_by_direction="asc", limit=60)
    few = await drawn(page, "page_logs", filters=[{"key": "duration", "operator": "lt", "value": 983}])

    assert [row["seconds"] for row in slow["rows"]] == [1.0, 0.999, 0.998]
    assert [row["metadata"]["rank"] for row in ranked["rows"]] == list(range(20))
    assert few["total"] == 2


async def test_one_log_says_what_happened_in_the_same_words(page: Client, store: Store) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"order": 991}'}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You help."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Where is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"state": "lost"}'},
    ]
    body = {
        "model": "gpt-4o",
        "temperature": 0.2,
        "tools": [{"type": "function", "function": {"name": "look_up"}}],
        "messages": messages,
    }
    await store.add(a_failed_log(1, request=json.dumps(body).encode(), metadata={"team": "x"}))

    data = await drawn(page, "page_log", log_id=a_log(1).id)
    _, details = await told(page, "get_log_details", log_id=a_log(1).id)

    assert data["summary"] == details["summary"].split("\n")[:2]
    assert (data["ok"], data["status"], data["seconds"]) == (False, 503, 0.812)
    assert {"title": "Metadata", "rows": [["team", "x"]]} in data["facts"]
    request = data["request"]
    assert (request["kind"], request["parameters"], request["tools"]) == (
        "OpenAI chat",
        [["temperature", "0.2"]],
        ["look_up"],
    )
    parts = [
        [{key: value for key, value in part.items() if key != "left"} for part in turn["parts"]]
        for turn in request["turns"]
    ]
    assert parts[0] == [{"kind": "text", "text": "You help."}]
    assert [part["kind"] for part in parts[1]] == ["text", "media"]
    assert parts[2] == [{"kind": "tool_call", "id": "c1", "name": "look_up", "arguments": '{"order": 991}'}]
    assert parts[3] == [{"kind": "tool_result", "id": "c1", "text": '{"state": "lost"}'}]
    assert [turn["pointer"] for turn in request["turns"]] == [f"/messages/{number}" for number in range(4)]
    assert data["response"]["error"] == "server_error: The server is overloaded"


async def test_a_stream_is_shown_assembled_with_how_it_ended(page: Client, store: Store) -> None:
    events = [{"choices": [{"delta": {"content": text}}]} for text in ("Paris is ", "the capi")]
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + 'data: {"respon'
    await store.add(a_log(1, response=stream.encode(), response_content_type="text/event-stream"))

    response = (await drawn(page, "page_log", log_id=a_log(1).id))["response"]

    assert response["turns"][0]["parts"] == [{"kind": "text", "text": "Paris is the capi", "left": 0}]
    assert response["broken"].startswith("Broke off")


async def test_bodies_that_are_no_conversation_or_not_there_say_so(page: Client, store: Store) -> None:
    await store.add(a_log(1, request=b'{"anything": [1, 2, {"else": "x"}]}', response=b"plain words"))
    await store.add(a_log(2, request=None, response=b"{broken"))

    one = await drawn(page, "page_log", log_id=a_log(1).id)
    two = await drawn(page, "page_log", log_id=a_log(2).id)

    assert "turns" not in one["request"]
    assert any(line.startswith("/anything") for line in one["request"]["outline"]["lines"])
    assert (one["response"]["stored"], one["response"]["form"]) == (True, "text")
    assert two["request"]["stored"] is False
    assert "was not stored" in two["request"]["note"]
    assert two["response"]["stored"] is True
    plain = await drawn(page, "page_body", log_id=a_log(1).id, part="response")
    assert (plain["text"], plain["total"]) == ("plain words", 11)
    assert "was not stored" in await refused(page, "page_body", log_id=a_log(2).id)


async def test_a_body_is_read_piece_by_piece_by_part_and_by_search(page: Client, store: Store) -> None:
    words = " ".join(f"word{number}" for number in range(20_000))
    await store.add(
        a_log(1, request=json.dumps({"model": "m", "messages": [{"role": "user", "content": words}]}).encode())
    )
    body, pieces, offset = {"log_id": a_log(1).id}, list[str](), 0

    while offset is not None:
        piece = await drawn(page, "page_body", **body, offset=offset, limit=65_536)
        pieces.append(piece["text"])
        offset = piece.get("next_offset")
    part = await drawn(page, "page_body", **body, pointer="/messages/0/content", offset=0, limit=11)
    found = await drawn(page, "page_body", **body, search="word777 ")
    outline = await drawn(page, "page_body", **body, view="outline")

    assert "".join(pieces) == json.dumps({"model": "m", "messages": [{"role": "user", "content": words}]})
    assert (part["text"], part["total"]) == ("word0 word1", len(words))
    assert (found["count"], found["matches"][0]["pointer"]) == (1, "/messages/0/content")
    assert found["matches"][0]["offset"] == words.index("word777 ")
    assert outline["lines"][0].startswith("(whole)")


async def test_a_run_agrees_with_trace_run(page: Client, store: Store) -> None:
    labeled = a_loop("openai", 6)
    for record in labeled.records:
        await store.add(record)

    data = await drawn(page, "page_run", log_id=labeled.records[0].id)
    text, _ = await told(page, "trace_run", log_id=labeled.records[0].id)
    models = [step for step in data["steps"] if step["kind"] == "model"]
    tools = [step for step in data["steps"] if step["kind"] == "tool"]

    assert text.startswith("\n".join(data["summary"]))
    assert [step["n"] for step in models] == [1, 2, 3, 4, 5, 6]
    assert {step["log_id"] for step in models} == labeled.runs[0][0]
    assert [step["of"] for step in tools] == [1, 2, 3, 4, 5]
    assert all(step["start_ms"] == models[at]["start_ms"] + models[at]["ms"] for at, step in enumerate(tools))
    assert [finding["mark"] for finding in data["findings"]] == ["tool error", "loop"]
    assert all(finding["text"] in text for finding in data["findings"])
    assert [step["marks"] for step in models] == [["tool error", "loop"]] * 5 + [[]]


async def test_ten_megabytes_are_drawn_within_bounds(page: Client, store: Store) -> None:
    many = [
        {"role": "user" if number % 2 else "assistant", "content": f"{number} " + "word " * 400}
        for number in range(4800)
    ]
    await store.add(a_log(1, request=json.dumps({"model": "m", "messages": many}).encode()))
    await store.add(
        a_log(
            2, request=json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 9_900_000}]}).encode()
        )
    )
    await store.add(a_log(3, response=b"\x00\xff" * 4_000_000, response_content_type="application/octet-stream"))

    for number in (1, 2, 3):
        data = await drawn(page, "page_log", log_id=a_log(number).id)
        assert size(data) < 512 * KB
        for part in ("request", "response"):
            assert size(await drawn(page, "page_body", log_id=a_log(number).id, part=part, limit=65_536)) < 272 * KB
    first = (await drawn(page, "page_log", log_id=a_log(1).id))["request"]
    assert first["turns"][-1]["n"] == 4799
    assert first["turns_left"] + len(first["turns"]) == 4800
    part = (await drawn(page, "page_log", log_id=a_log(2).id))["request"]["turns"][0]["parts"][0]
    assert part["left"] > 9_000_000


async def test_lines_of_two_megabytes_are_drawn_within_bounds(page: Client, store: Store) -> None:
    long = "\u202e\u200b" + "é<b>" * 500_000
    message = {"role": long, "content": long, "name": long}
    error = {"error": {"message": long, "type": long, "code": long}}
    for number in range(2):
        metadata = {long[:20_000]: long[:20_000], "userId": long[:20_000]}
        request = json.dumps({"model": long, "messages": [message] * 2, long: long}, ensure_ascii=False).encode()
        await store.add(
            a_failed_log(
                number,
                minutes=number,
                model=long[:20_000],
                metadata=metadata,
                path=long[:20_000],
                request=request,
                response=json.dumps(error).encode(),
            )
        )

    drawings = {
        "page_overview": (256, await drawn(page, "page_overview", **DAY, group_by="user")),
        "page_logs": (512, await drawn(page, "page_logs", limit=500)),
        "page_log": (512, await drawn(page, "page_log", log_id=a_log(1).id)),
        "page_body": (272, await drawn(page, "page_body", log_id=a_log(1).id, limit=65_536)),
        "page_run": (384, await drawn(page, "page_run", log_id=a_log(1).id)),
    }

    assert {name: size(data) // KB for name, (most, data) in drawings.items() if size(data) > most * KB} == {}
    assert all("\u202e" not in json.dumps(data, ensure_ascii=False) for _, data in drawings.values())
