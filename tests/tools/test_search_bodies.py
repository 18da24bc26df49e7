"""Logs whose bodies contain a text: found wherever it is, with a pointer, within limits, without confirming secrets."""

import json
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from logs import a_log
from mcp import Client
from reading import logged
from tokens import o200k

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.asgi import ASGITransport
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_tools import bodies, body_search

pytestmark = pytest.mark.anyio

CODE = "my refund code is ZX-9981"
KEY = "sk-proj-" + "Ab3dE6gH9jK2mN5pQ8sT" * 3
READS = {"request": "get_log_request_body", "response": "get_log_response_body"}


def asking(*contents: str, **more: Any) -> bytes:
    """Return a request with these texts, one per turn."""
    turns = [{"role": "user", "content": content} for content in contents]
    return json.dumps({"model": "gpt-4o-mini", "messages": turns, **more}, ensure_ascii=False).encode()


def answering(message: dict[str, Any]) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", **message}}]}).encode()


def events(pieces: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces)


def openai_stream(text: str) -> bytes:
    return events([{"choices": [{"index": 0, "delta": {"content": sign}}]} for sign in text]) + b"data: [DONE]\n\n"


def anthropic_stream(text: str) -> bytes:
    begun = {"type": "message_start", "message": {"role": "assistant", "model": "claude-sonnet-4-5", "content": []}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": sign}} for sign in text
    ]
    return events([begun, block, *deltas, {"type": "content_block_stop", "index": 0}, {"type": "message_stop"}])


async def called(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    assert result.structured_content is None
    return result.content[0].text


async def told(client: Client, **arguments: Any) -> str:
    return await called(client, "search_bodies", **arguments)


async def refused(client: Client, **arguments: Any) -> str:
    result = await client.call_tool("search_bodies", arguments)
    assert result.is_error
    return result.content[0].text


def places(text: str) -> list[tuple[str, str, str]]:
    """Return the log, the part and the pointer of each line."""
    found = re.findall(r"^(\S+) .*?(request|response) (\S+), character", logged(text), re.MULTILINE)
    return [(log, part, pointer) for log, part, pointer in found]


async def test_a_phrase_is_found_with_a_pointer_that_the_body_tools_take(client: Client, store: Store) -> None:
    for number in range(3):
        await store.add(a_log(number, minutes=number))
    await store.add(a_log(9, minutes=9, request=asking("Hello", f"Well, {CODE}, thanks", f"{CODE} {CODE}")))

    text = await told(client, text="REFUND code")
    [(log, part, pointer)] = places(text)

    assert text.startswith('1 log of gateway default contains "REFUND code", newest first, 2026-11-21 (UTC).\n┌ ')
    assert f" 12:09:00 openai/gpt-4o-mini request {pointer}, character 9: Well, {CODE}, thanks (+2 more)" in text
    assert (log, part, pointer) == (a_log(9).id, "request", "/messages/1/content")
    assert CODE in await called(client, READS[part], log_id=log, pointer=pointer)
    assert f"{pointer}, character 9: " in await called(client, READS[part], log_id=log, search="refund code")
    assert "Searched all 4 logs" in text


async def test_all_matches_in_both_bodies_count_for_one_log(client: Client, store: Store) -> None:
    await store.add(a_log(1, request=asking(CODE), response=answering({"content": CODE})))
    await store.add(a_log(2, minutes=1, request=asking("Hi"), response=answering({"content": CODE})))

    text = await told(client, text=CODE)

    assert places(text) == [
        (a_log(2).id, "response", "/choices/0/message/content"),
        (a_log(1).id, "request", "/messages/0/content"),
    ]
    assert "(+1 more)" in logged(text).splitlines()[1]
    assert [log for log, *_ in places(await told(client, text=CODE, part="request"))] == [a_log(1).id]


@pytest.mark.parametrize(
    "words",
    ['she said "Grüß Gott" to\nall 🙂', '"Grüß Gott"', "all 🙂"],
)
async def test_a_text_in_nested_json_is_found_at_its_place(client: Client, store: Store, words: str) -> None:
    inner = json.dumps({"note": 'she said "Grüß Gott" to\nall 🙂'})
    arguments = json.dumps({"payload": json.dumps({"body": inner})})
    call = {"id": "c", "type": "function", "function": {"name": "save", "arguments": arguments}}
    await store.add(a_log(1, response=answering({"content": None, "tool_calls": [call]})))

    text = await told(client, text=words)
    [(log, part, pointer)] = places(text)

    assert pointer == "/choices/0/message/tool_calls/0/function/arguments"
    assert f"{pointer}, character" in await called(client, READS[part], log_id=log, search=words)
    character = re.search(r"character (\d+): ", text)
    assert character and 0 < int(character[1]) < len(arguments)


async def test_names_and_a_path_with_backslashes_in_json_in_json_are_found(client: Client, store: Store) -> None:
    arguments = json.dumps({"file": "C:\\new\\table.txt"})
    call = {"id": "c", "type": "function", "function": {"name": "save", "arguments": arguments}}
    tool = {"type": "function", "function": {"name": "save", "parameters": {"properties": {"max_rows_read": {}}}}}
    await store.add(a_log(1, request=asking("Hi", tools=[tool]), response=answering({"tool_calls": [call]})))

    by_path, by_name = await told(client, text="c:\\NEW\\table"), await told(client, text="max_rows_read")

    assert places(by_path)[0][2] == "/choices/0/message/tool_calls/0/function/arguments"
    [(log, part, pointer)] = places(by_name)
    assert pointer == "/tools/0/function/parameters/properties/max_rows_read"
    assert f"{pointer}, character 0: max_rows_read" in await called(
        client, READS[part], log_id=log, search="max_rows_read"
    )


@pytest.mark.parametrize("write", [openai_stream, anthropic_stream])
async def test_a_text_split_over_the_events_of_a_stream_is_found(client: Client, store: Store, write: Any) -> None:
    body = write(f"Well, {CODE}.")
    await store.add(a_log(1, response=body, response_content_type="text/event-stream"))

    text = await told(client, text=CODE)
    [(log, part, pointer)] = places(text)

    assert CODE in await called(client, READS[part], log_id=log, pointer=pointer)


async def test_a_text_only_in_a_streams_events_is_found(client: Client, store: Store) -> None:
    body = events([{"id": "chatcmpl-77", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}}]}])
    await store.add(a_log(1, response=body, response_content_type="text/event-stream"))

    assert "response text, character " in await told(client, text="completion.chunk")


async def test_a_secret_is_found_by_its_kind_and_not_shown(client: Client, store: Store) -> None:
    await store.add(a_log(1, request=asking(f"use {KEY} for it")))
    await store.add(
        a_log(2, minutes=1, response=openai_stream(f"I use {KEY}."), response_content_type="text/event-stream")
    )
    await store.add(a_log(3, minutes=2, request=asking("the openai_key is missing")))

    for named in ("openai_key", "[openai_key]"):
        text = await told(client, text=named)

        assert text.startswith("2 logs of gateway default contain a secret of kind openai_key, ")
        assert [log for log, *_ in places(text)] == [a_log(2).id, a_log(1).id]
        assert "use [openai_key] for it" in text
        assert "Masked: 2 openai_key" in text
        assert KEY[8:16] not in text


async def test_a_part_of_a_secret_is_not_confirmed(client: Client, store: Store) -> None:
    await store.add(a_log(1, request=asking(f"use {KEY}"), response=openai_stream(f"I use {KEY}.")))
    await store.add(a_log(2, minutes=1, request=asking("use it"), response=answering({"content": "yes"})))
    there = [KEY, KEY[:20], KEY[8:14], KEY[12:16], KEY[-9:], "sk-"]
    absent = ["sk-proj-Zz9yX8wV7uT6", "Zz9yX8", "Zz9y"]

    for secret in [*there, *absent]:
        text = await told(client, text=secret)

        assert text.startswith("No log of gateway default contains ")
        assert "Searched all 2 logs" in text
        assert 'search by kind: text="openai_key"' in text
    for regex in (KEY[8:14], "Ab3d.*", "sk-proj-[A-Za-z0-9]+"):
        assert (await told(client, regex=regex)).startswith("No log of gateway default contains ")


async def test_a_secret_is_found_by_its_kind_where_nothing_is_masked(store: Store, tmp_path: Path) -> None:
    await store.add(a_log(1, request=asking(f"use {KEY} for it")))

    async with Client(build_server(Settings(local=str(tmp_path / "gateway.db"), mask=False))) as client:
        by_kind, by_text = await told(client, text="openai_key"), await told(client, text=KEY[:20])

    assert "use [openai_key] for it" in by_kind
    assert KEY in by_text


async def test_a_regular_expression_is_matched_as_it_is_written(client: Client, store: Store) -> None:
    await store.add(a_log(1, request=asking(f"Well, {CODE}.")))
    await store.add(a_log(2, minutes=1, response=openai_stream("Refund Code is AB-1234"), request=asking("a\nb")))

    for regex, logs in (
        (r"refund \w+ is [A-Z]{2}-\d{4}", [1]),
        (r"(?i)refund \w+ is [A-Z]{2}-\d{4}", [2, 1]),
        (r"[A-Z]{2}-\d{4}", [2, 1]),
        (r"(?i)refund\scode", [2, 1]),
        (r"a\sb", [2]),
        (r"Refund", [2]),
        (r"[^\x00-\x7f]", []),
    ):
        assert [log for log, *_ in places(await told(client, regex=regex))] == [a_log(each).id for each in logs], regex


async def test_a_regular_expression_finds_kinds_of_secrets(client: Client, store: Store) -> None:
    await store.add(a_log(1, request=asking(f"use {KEY} for it")))

    for regex in ("(openai|anthropic)_key", r"\[[a-z]+_key\]", "open.*key", "use .openai_key. for"):
        assert len(places(await told(client, regex=regex))) == 1, regex


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        ("(a", "regex is not valid: missing ): (a. Use RE2 syntax: no look-around, no \\1."),
        (r"(?=a)", "regex is not valid: invalid perl operator: (?=."),
        (r"(a)\1", "regex is not valid: invalid escape sequence: \\1."),
        ("a*", "regex matches empty text"),
        (".{900}x.{900}y", "regex is too large"),
    ],
)
async def test_a_bad_regular_expression_is_refused(client: Client, regex: str, why: str) -> None:
    assert (await refused(client, regex=regex)).startswith(why)


async def test_either_text_or_regex_is_required(client: Client) -> None:
    for arguments in ({}, {"text": " "}, {"text": "a", "regex": "a"}):
        assert (await refused(client, **arguments)).startswith("Give either text or regex: ")


async def test_an_expression_that_is_exponential_elsewhere_is_fast(client: Client, store: Store) -> None:
    await store.add(a_log(1, request=asking("a" * 100_000)))

    started = time.monotonic()
    text = await told(client, regex="(a+)+$b")

    assert text.startswith("No log of gateway default contains a match for (a+)+$b.")
    assert time.monotonic() - started < 5


async def test_filters_are_those_of_list_logs(client: Client, store: Store) -> None:
    for number, more in enumerate(
        (
            {},
            {"model": "anthropic/claude-sonnet-4-5"},
            {"success": False, "status_code": 500},
            {"cached": True},
            {"metadata": {"team": "red"}},
            {"metadata": {"team": "blue", "color": "red"}},
            {"duration": 9000},
        )
    ):
        await store.add(a_log(number, minutes=number, request=asking(CODE), **more))

    for asked, logs in (
        ({"model": "anthropic/claude-sonnet-4-5"}, [1]),
        ({"provider": "anthropic"}, [1]),
        ({"success": False}, [2]),
        ({"cached": True}, [3]),
        ({"metadata": {"team": "red"}}, [4]),
        ({"filters": [{"key": "duration", "operator": "gt", "value": ["5000"]}]}, [6]),
        ({"start_date": "2026-11-21T12:04Z"}, [6, 5, 4]),
        ({"end_date": "2026-11-21T12:01Z"}, [1, 0]),
    ):
        found = [log for log, *_ in places(await told(client, text=CODE, **asked))]
        assert found == [a_log(each).id for each in logs], asked


async def test_the_newest_matches_are_shown_with_how_to_search_further(client: Client, store: Store) -> None:
    for number in range(130):
        says = CODE if number % 10 == 0 else "nothing"
        await store.add(a_log(number, minutes=number, request=asking(says, "x" * 50)))

    seen: list[str] = []
    further: dict[str, Any] = {}
    for _ in range(5):
        text = await told(client, text=CODE, limit=3, **further)
        seen += [log for log, *_ in places(text)]
        following = re.search(r'end_date="([^"]+)" continues the search$', text)
        if not following:
            break
        assert text.startswith("The newest 3 logs of gateway default contain ")
        further = {"end_date": following[1]}

    assert seen == [a_log(number).id for number in range(120, -1, -10)]
    assert "continues the search" not in text


async def test_the_search_ends_as_soon_as_enough_logs_match(client: Client, store: Store) -> None:
    for number in range(60):
        await store.add(a_log(number, minutes=number, request=asking(CODE)))

    text = await told(client, regex=r"refund \w+ is", limit=2)

    assert "\nSearched 2 of 60 logs, newest first, back to 2026-11-21 12:58:00 UTC." in text
    assert text.endswith('end_date="2026-11-21T12:57:00.000Z" continues the search')


async def test_logs_of_one_millisecond_are_not_lost(client: Client, store: Store) -> None:
    for number in range(12):
        await store.add(a_log(number, request=asking(CODE)))

    text = await told(client, text=CODE, limit=3)

    assert len(places(text)) == 3
    assert text.endswith("; limit=6 or a larger budget for more")


async def test_more_logs_of_one_millisecond_than_a_page_are_all_looked_at(client: Client, store: Store) -> None:
    for number in range(120):
        await store.add(a_log(number, request=asking(CODE)))

    text = await told(client, regex=r"refund \w+ is", part="request", group_by="hour")

    assert text.startswith("120 logs of gateway default contain ")
    assert "\nSearched all 120 logs." in text


async def test_all_matching_logs_are_counted_by_group(client: Client, store: Store) -> None:
    for number in range(70):
        model = "openai/gpt-4o" if number % 7 == 0 else "openai/gpt-4o-mini"
        says = CODE if number % 2 == 0 else "nothing"
        await store.add(
            a_log(number, minutes=60 * number, model=model, request=asking(says), metadata={"team": number % 2})
        )

    by_day, by_model, by_team = [
        await told(client, text=CODE, group_by=by, limit=1) for by in ("day", "model", "metadata.team")
    ]

    assert by_day.startswith('35 logs of gateway default contain "my refund code is ZX-9981", by day.\n')
    assert [line.split()[:2] for line in logged(by_day).splitlines()[1:]] == [
        ["2026-11-24", "5"],
        ["2026-11-23", "12"],
        ["2026-11-22", "12"],
        ["2026-11-21", "6"],
    ]
    assert f"Oldest: {a_log(0).id}, 2026-11-21 12:00:00 UTC." in by_day
    assert [line.split()[:2] for line in logged(by_model).splitlines()[1:]] == [
        ["openai/gpt-4o-mini", "30"],
        ["openai/gpt-4o", "5"],
    ]
    assert [line.split()[:2] for line in logged(by_team).splitlines()[1:]] == [["0", "35"]]
    assert (await refused(client, text="a", group_by="team")).startswith("group_by must be model, provider, ")


@pytest.mark.parametrize("budget", [200, 400, 2000])
async def test_the_budget_is_kept_and_the_next_call_goes_on(client: Client, store: Store, budget: int) -> None:
    for number in range(30):
        await store.add(
            a_log(number, minutes=number, model=f"openai/{'m' * 50}", request=asking(f"漢字 {CODE} 漢字" * 9))
        )

    text = await told(client, text=CODE, limit=30, budget=budget)
    shown = re.findall(r"^01932a3f", logged(text), re.MULTILINE)
    grouped = await told(client, text=CODE, group_by="hour", budget=budget)

    assert o200k(text) <= budget
    assert o200k(grouped) <= budget
    assert len(shown) < 30
    following = re.search(r'end_date="2026-11-21T12:(\d\d):00.000Z" continues the search', text)
    assert following and int(following[1]) == 29 - len(shown)


async def test_nothing_found_says_how_far_it_looked_and_what_to_try(client: Client, store: Store) -> None:
    for number in range(3):
        await store.add(a_log(number, minutes=number, request=None))
    await store.add(a_log(9, minutes=9))

    text = await told(client, regex="no such words", start_date="2026-11-21T11:00Z")

    first, looked, likely = text.splitlines()
    assert first == "No log of gateway default contains a match for no such words."
    assert looked.startswith("Searched all 4 logs since 2026-11-21 11:00 UTC; 3 without a stored body.")
    assert likely.startswith("Likely: the wording differs (try fewer words, or regex), start_date is too late, ")


async def test_bodies_that_are_not_stored_are_counted_with_an_index_too(client: Client, store: Store) -> None:
    for number in range(60):
        await store.add(a_log(number, minutes=number, request=None))
    await store.indexed()

    text = await told(client, text="no such words")

    assert re.search(r"^Searched all 60 logs; (of the newest 50, 50|60) without a stored body\.", text, re.MULTILINE)


async def test_without_logs_the_search_says_so(client: Client, store: Store) -> None:
    text = await told(client, text=CODE, model="openai/none")

    assert text.startswith("No logs match of gateway default, so there are no bodies.")


@asynccontextmanager
async def over(store: Store, wire: type[ASGITransport]) -> AsyncGenerator[Client]:
    """Yield a client of the server that reaches the local gateway through that transport."""
    async with anyio.create_task_group() as tasks:
        url = "http://127.0.0.1"
        settings = Settings(account_id="0" * 32, api_token="t", api_url=f"{url}/client/v4", data_url=f"{url}/v1")
        async with Client(build_server(settings, wire(build_app(store), tasks))) as client:
            yield client
        tasks.cancel_scope.cancel()


def hanging(path: str) -> type[ASGITransport]:
    """Return a transport that never answers on paths with that ending."""

    class Hanging(ASGITransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path.endswith(path):
                await anyio.sleep_forever()
            return await super().handle_async_request(request)

    return Hanging


def refusing(path: str) -> type[ASGITransport]:
    """Return a transport that refuses paths with that ending."""

    class Refusing(ASGITransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path.endswith(path):
                return httpx2.Response(403, json={"success": False, "errors": [{"code": 10000, "message": "No."}]})
            return await super().handle_async_request(request)

    return Refusing


async def test_a_timeout_reports_what_was_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_search, "PATIENCE_S", 3.0)
    for number in range(12):
        await store.add(a_log(number, minutes=number, request=asking(CODE)))

    async with over(store, hanging(f"{a_log(9).id}/request")) as client:
        text = await told(client, regex=r"refund \w+", limit=12)

    assert len(places(text)) == 11
    assert "Searched 11 of 12 logs, newest first" in text
    assert "Stopped after 3 s." in text
    assert text.endswith('end_date="2026-11-21T12:09:00.000Z" continues the search')


async def test_a_search_without_any_time_says_so(client: Client, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_search, "PATIENCE_S", 0)
    await store.add(a_log(1, request=asking(CODE)))

    text = await told(client, text=CODE)

    assert re.search(r"Searched (0 of )?1 log. Stopped after 0 s.", text)


async def test_a_cancelled_search_leaves_nothing_behind(store: Store) -> None:
    await store.add(a_log(1, request=asking(CODE)))

    async with over(store, hanging("/request")) as client:
        with anyio.move_on_after(0.3) as gave_up:
            await told(client, regex="refund")
        with anyio.fail_after(5):
            assert "1 log" in await called_text(client, "list_logs")

    assert gave_up.cancelled_caught


async def called_text(client: Client, tool: str) -> str:
    return (await client.call_tool(tool, {})).content[0].text


async def test_a_gateway_that_refuses_a_body_ends_the_search_with_what_was_found(store: Store) -> None:
    for number in range(60):
        await store.add(a_log(number, minutes=number, request=asking(CODE)))

    async with over(store, refusing(f"{a_log(5).id}/request")) as client:
        text = await told(client, regex="refund", limit=50, budget=10_000)
        every = await told(client, regex="refund", group_by="hour")

    assert len(places(text)) == 50
    assert "Stopped: " in every and "No." in every


async def test_a_gateway_that_refuses_every_body_is_an_error(store: Store) -> None:
    await store.add(a_log(1))

    async with over(store, refusing("/request")) as client:
        assert "No." in await refused(client, regex="refund")


async def test_a_log_is_found_the_same_with_and_without_an_index(
    client: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await store.add(a_log(number, minutes=number, request=asking(CODE if number == 2 else "nothing")))

    async def none(*_: Any, **__: Any) -> None:
        return None

    by_index = await told(client, text=CODE)
    monkeypatch.setattr(AIGateway, "search_logs", none)
    without = await told(client, text=CODE)

    assert places(by_index) == places(without) != []


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"a":' * 100_000,
        ("\\" * 200_000).encode(),
        json.dumps("\\u005c" * 50_000).encode(),
        json.dumps({"messages": [{"content": "\u202e\ud800" * 10_000}]}).encode(),
        (b"data: " + b'{"choices":[{"index":0,"delta":{"content":"\\\\"}}]}\n\n') * 5_000,
        bytes(range(256)) * 1000,
        b"",
        ("sk-proj-7abcdefgh " * 5_000).encode(),
        json.dumps({"/~ \u202e" * 40: {"x": ["refund"] * 3000}}).encode(),
    ],
    ids=["deep", "too deep", "backslashes", "escapes", "hidden", "stream", "binary", "empty", "secrets", "names"],
)
async def test_a_hostile_body_is_looked_through_within_bounds(client: Client, store: Store, body: bytes) -> None:
    await store.add(a_log(1, request=body, response=body))
    await store.add(a_log(2, minutes=1, request=asking(CODE)))

    for asked in ({"text": "refund"}, {"regex": "(?i)refund|\\\\+"}, {"text": "\\\\"}, {"text": "openai_key"}):
        started = time.monotonic()
        text = await told(client, budget=200, **asked)
        assert o200k(text) <= 200
        assert time.monotonic() - started < 20


async def test_only_the_beginning_of_a_large_body_is_searched(
    client: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES", 1000)
    await store.add(a_log(1, request=asking(CODE, "x" * 2000, "end of it")))

    assert "request text, character " in await told(client, regex="refund code")
    assert "; 1 read only in part." in await told(client, regex="end of it")


async def test_a_body_that_is_slow_to_mask_times_out(
    client: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_search, "PATIENCE_S", 0.5)
    await store.add(a_log(1, request=("sk-proj-7abcdefgh " * 500_000).encode()))

    started = time.monotonic()
    text = await told(client, text="openai_key")

    assert "Stopped after 0.5 s." in text
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("words", "threads"), [(100, 0), (100_000, 1), (400_000, 1)])
async def test_a_large_body_is_read_in_a_thread(
    client: Client, store: Store, words: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.add(a_log(1, request=asking("word " * words, f"Well, {CODE}"), response=None))
    run_sync, counted = anyio.to_thread.run_sync, list[Any]()

    async def counting(work: Any, *arguments: Any, **more: Any) -> Any:
        counted.extend(each for each in [getattr(work, "func", None)] if getattr(each, "__name__", "") == "matches")
        return await run_sync(work, *arguments, **more)

    monkeypatch.setattr(anyio.to_thread, "run_sync", counting)

    assert places(await told(client, text=CODE))[0][2] == "/messages/1/content"
    assert len(counted) == threads
