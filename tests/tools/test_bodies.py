import json
import random
import re
import tempfile
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import a_failed_log, a_log
from mcp import Client
from reading import logged
from tokens import o200k

from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_tools.reading.forms import form_of

pytestmark = pytest.mark.anyio

BODIES = ["get_log_request_body", "get_log_response_body"]


async def read(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, {"log_id": a_log(1).id, **arguments})
    assert not result.is_error, result.content[0].text
    assert result.structured_content is None
    return result.content[0].text


async def test_the_request_and_the_response_are_shown(client: Client, store: Store) -> None:
    await store.add(a_log(1))

    assert "Why is it blue?" in await read(client, BODIES[0])
    assert "Scattering." in await read(client, BODIES[1])


@pytest.mark.parametrize("tool", BODIES)
async def test_the_error_for_a_missing_body_says_both_possible_reasons(client: Client, store: Store, tool: str) -> None:
    await store.add(a_log(1, request=None, response=None))

    result = await client.call_tool(tool, {"log_id": a_log(1).id})

    assert result.is_error
    assert "body was not stored (the API does not distinguish the two)" in result.content[0].text


@pytest.mark.parametrize("budget", [200, 2000])
async def test_a_body_over_the_budget_is_cut_and_says_how_to_read_on(client: Client, store: Store, budget: int) -> None:
    await store.add(a_log(1, request=b"word " * 20_000, request_content_type="text/plain"))

    text = await read(client, BODIES[0], budget=budget)

    assert o200k(text) <= budget
    assert "100,000 characters" in text
    assert "offset=" in text


@asynccontextmanager
async def holding(body: bytes, *, mask: bool = True) -> AsyncGenerator[Client]:
    """Yield a client of a server with one failed log, which has this body as request and response."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.db"
        async with Store(path) as store, Client(build_server(Settings(local=str(path), mask=mask))) as client:
            await store.add(a_failed_log(1, request=body, response=body))
            yield client


def restored(text: str) -> bytes:
    """Undo the escapes of hidden characters, and of bytes that are not UTF-8."""
    plain = re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), text)
    return plain.encode("utf-8", "surrogateescape")


async def rebuilt(client: Client, opening: bytes, budget: int) -> bytes:
    """Return the text of consecutive raw reads."""
    text, offset = "", "0"
    while offset:
        told = await read(client, BODIES[0], view="raw", offset=int(offset), budget=budget)
        text += logged(told)
        following = re.search(r"after: offset=(\d+)$", told)
        offset = following[1] if following else ""
    return b64decode(text) if form_of(opening) == "binary" else restored(text)


def stream(size: int) -> bytes:
    delta = {"choices": [{"index": 0, "delta": {"content": "sk-proj-7wordwordword \u202e é\\u0000"}}]}
    return b"data: " + json.dumps(delta).encode() * (size // 100) + b"\n\n"


STORED = st.one_of(
    st.binary(max_size=900),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=900).map(str.encode),
    st.builds(lambda text, count: json.dumps({"a": [text] * count}).encode(), st.text(max_size=30), st.integers(1, 90)),
    st.integers(1, 9000).map(stream),
    st.builds(lambda part, count: part * count, st.binary(min_size=1, max_size=40), st.integers(1, 900)),
)


@settings(max_examples=15, deadline=None)
@given(STORED, st.sampled_from([200, 2000, 10_000]))
async def test_raw_reads_through_the_tool_rebuild_any_body(body: bytes, budget: int) -> None:
    async with holding(body, mask=False) as client:
        assert await rebuilt(client, body[:4096], budget) == body


async def test_raw_reads_rebuild_a_body_of_ten_megabytes() -> None:
    body = (b'{"role": "user"}'.ljust(500) + b"\n") * 19_700

    async with holding(body, mask=False) as client:
        assert await rebuilt(client, body[:4096], 10_000) == body


def turns(text: str, count: int) -> bytes:
    return json.dumps({"model": text[:200], "messages": [{"role": "user", "content": text}] * count}).encode()


SIGNS = ["word ", "\u202e", "漢", "🧪", '"', "\\", "a\n", "{[", "qZ7", "sk-proj-7abcdefgh ", "\ud800", " " * 9, "٣"]
HOSTILE = st.one_of(
    st.builds(lambda sign, size, count: turns(sign * size, count), st.sampled_from(SIGNS), st.integers(1, 3000), st.integers(1, 30)),
    st.builds(lambda sign, size: json.dumps({"error": {"message": sign * size, "type": sign * 99}}).encode(), st.sampled_from(SIGNS), st.integers(1, 9000)),
    st.builds(lambda sign, depth: f'{{"{sign.strip() or "a"}":'.encode("utf-8", "replace") * depth + b"1" + b"}" * depth, st.sampled_from(SIGNS), st.integers(1, 900)),
    st.builds(lambda seed, size: b64encode(random.Random(seed).randbytes(size)), st.integers(0, 99), st.integers(1, 30_000)),
    st.builds(lambda seed, size: random.Random(seed).randbytes(size), st.integers(0, 99), st.integers(1, 30_000)),
    st.integers(1, 90_000).map(stream),
)  # fmt: skip
ASKED: list[dict[str, Any]] = [
    {}, {"view": "conversation"}, {"view": "outline"}, {"view": "raw"}, {"view": "raw", "offset": -500}, {"offset": 7, "limit": 90_000},
    {"search": "o"}, {"search": "messages"}, {"pointer": "/messages/0"}, {"pointer": "/messages/0/content"}, {"pointer": "/none"},
]  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(HOSTILE, st.sampled_from(ASKED), st.sampled_from([200, 201, 700, 10_000]))
async def test_a_result_keeps_its_budget_for_any_body(body: bytes, asked: dict[str, Any], budget: int) -> None:
    calls = [(tool, asked) for tool in BODIES] + [("get_log_details", {"heads": True})]
    async with holding(body) as client:
        for tool, arguments in calls:
            result = await client.call_tool(tool, {"log_id": a_log(1).id, "budget": budget, **arguments})
            structured = result.structured_content
            assert o200k(result.content[0].text) <= budget, tool
            assert structured is None or o200k(json.dumps(structured, ensure_ascii=False)) <= budget, tool


@pytest.mark.parametrize("levels", [200, 400, 900])
async def test_a_body_of_any_depth_is_read_by_every_tool(client: Client, store: Store, levels: int) -> None:
    body = f'{{"messages": [{{"role": "user", "content": {"[" * levels}1{"]" * levels}}}]}}'.encode()
    await store.add(a_log(1, request=body, response=body))
    await store.add(a_log(2))
    one = {"log_id": a_log(1).id}
    calls = [("get_log_request_body", one | {"view": view}) for view in ("conversation", "outline", "raw")]
    calls += [("get_log_response_body", one | {"search": "1"}), ("get_log_details", one | {"heads": True})]
    calls += [("compare_logs", one | {"other_log_id": a_log(2).id}), ("trace_run", one), ("replay_log", one)]

    for tool, arguments in calls:
        result = await client.call_tool(tool, arguments)
        assert "unexpectedly" not in result.content[0].text, (tool, arguments)
