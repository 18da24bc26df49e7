"""The same traffic on accounts of both log systems: every tool gives the same facts."""

import json
import re
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
from logs import a_failed_log, a_log
from management import ACCOUNT
from mcp import Client

from cf_aig_gateway.local.app import LogSystem, build_app
from cf_aig_gateway.local.asgi import ASGITransport
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("list_logs", {"per_page": 5}),
    ("list_logs", {"per_page": 5, "page": 2}),
    ("list_logs", {"success": False}),
    ("list_logs", {"cached": True, "fields": ["time", "model", "cached"]}),
    ("list_logs", {"metadata": {"team": "red"}}),
    ("list_logs", {"filters": [{"key": "metadata.team", "operator": "neq", "value": ["red"]}]}),
    ("list_logs", {"filters": [{"key": "duration", "operator": "gt", "value": ["1000"]}]}),
    ("list_logs", {"filters": [{"key": "model", "operator": "contains", "value": ["mini"]}], "per_page": 3}),
    ("list_logs", {"model": "openai/gpt-4o", "provider": "openai"}),
    ("list_logs", {"order_by": "duration"}),
    ("list_logs", {"order_by": "metadata.team", "fields": ["metadata.team"]}),
    ("get_log_details", {"log_id": a_log(5).id}),
    ("get_log_details", {"log_id": a_log(6).id}),
    ("get_log_request_body", {"log_id": a_log(6).id}),
    ("get_log_response_body", {"log_id": a_log(5).id}),
    ("get_log_response_body", {"log_id": a_log(6).id, "view": "raw"}),
    ("search_bodies", {"text": "blue", "part": "request", "limit": 3}),
    ("search_bodies", {"regex": "Scatter.*", "part": "response"}),
    ("search_bodies", {"regex": "overloaded", "group_by": "status"}),
    ("compare_logs", {"log_id": a_log(5).id, "other_log_id": a_log(6).id}),
    ("summarize_logs", {"start_date": "2h"}),
    ("summarize_logs", {"start_date": "2h", "group_by": "status"}),
    ("summarize_logs", {"start_date": "2h", "group_by": "metadata.team"}),
    ("summarize_logs", {"start_date": "2h", "success": False, "compare_to": "previous"}),
    ("replay_log", {"log_id": a_log(6).id}),
]


class Counting(httpx2.AsyncBaseTransport):
    """Forwards requests, and counts them."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self.inner = inner
        self.count = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.count += 1
        return await self.inner.handle_async_request(request)


@pytest.fixture
async def filled(store: Store) -> Store:
    """Put 30 calls of the last hour into the store."""
    start = time.time() - 3600
    for number in range(30):
        make = a_failed_log if number % 5 == 0 else a_log
        changes: dict[str, Any] = {
            "created_at": round((start + 100 * number) * 1000),
            "metadata": {"team": "red" if number % 2 else "blue", "rank": number},
            "duration": 100 * number + 1,
            "cached": number % 7 == 1,
            "model": "openai/gpt-4o" if number % 3 else "openai/gpt-4o-mini",
        }
        await store.add(make(number, **changes))
    return store


@asynccontextmanager
async def served(store: Store, system: LogSystem, **settings: Any) -> AsyncGenerator[tuple[Client, Counting]]:
    """Yield a client of the server on an account of a log system, and its request counter."""
    async with anyio.create_task_group() as tasks:
        wire = Counting(ASGITransport(build_app(store, logs=system), tasks))
        configured = Settings(
            account_id=ACCOUNT,
            api_token="t",
            api_url="http://127.0.0.1/client/v4",
            data_url="http://127.0.0.1/v1",
            **settings,
        )
        async with Client(build_server(configured, wire)) as client:
            yield client, wire
        tasks.cancel_scope.cancel()


async def told(client: Client, tool: str, arguments: dict[str, Any]) -> str:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    return result.content[0].text


def facts(text: str) -> str:
    """Return a result's text without how it was found, and without marks that differ every time."""
    text = text.replace(" From Workers Observability.", "").replace(" Searched the newest 30 of 30 events.", "")
    text = re.sub(r"logged text \w+|└ \w+|code: \S+|UTC: |\d\d:\d\d", "", text)
    return "\n".join(line for line in text.splitlines() if not line.startswith(("path: ", "timings: ")))


async def test_every_tool_gives_the_same_facts_in_at_most_twice_the_requests(filled: Store) -> None:
    """Prints the table of tools and requests with `pytest -s`."""
    answers: dict[str, list[tuple[str, int]]] = {}
    for logs in ("gateway", "observability"):
        async with served(filled, logs) as (client, wire):
            await told(client, "list_logs", {})  # finds out which system it is
            for tool, arguments in CALLS:
                before = wire.count
                text = await told(client, tool, arguments)
                answers.setdefault(logs, []).append((text, wire.count - before))

    for (tool, arguments), one, other in zip(CALLS, answers["gateway"], answers["observability"], strict=True):
        sys.stdout.write(f"{tool:22} {json.dumps(arguments)[:70]:72} {one[1]:2} {other[1]:2}\n")
        assert facts(other[0]) == facts(one[0]), (tool, arguments)
        assert other[1] <= 2 * one[1], (tool, arguments)


async def test_the_result_names_its_source(filled: Store) -> None:
    async with served(filled, "observability") as (client, _):
        assert "From Workers Observability." in await told(client, "list_logs", {})


async def test_the_first_call_of_any_kind_detects_the_log_system(filled: Store) -> None:
    for tool, arguments in (
        ("get_log_details", {"log_id": a_log(6).id}),
        ("get_log_request_body", {"log_id": a_log(6).id}),
        ("list_logs", {"success": False}),
        ("summarize_logs", {"start_date": "2h"}),
    ):
        async with served(filled, "observability") as (client, _):
            assert await told(client, tool, arguments)


async def test_a_configured_log_system_is_not_detected(filled: Store) -> None:
    async with served(filled, "observability", logs="gateway") as (client, _):
        assert "No logs in gateway default" in await told(client, "list_logs", {})


async def test_an_old_account_is_asked_once_a_call(filled: Store) -> None:
    async with served(filled, "gateway") as (client, wire):
        await told(client, "list_logs", {})
        await told(client, "get_log_request_body", {"log_id": a_log(6).id})

    assert wire.count == 2


async def test_feedback_has_no_documented_place_there(filled: Store) -> None:
    async with served(filled, "observability") as (client, _):
        await told(client, "list_logs", {})
        result = await client.call_tool("patch_log_feedback", {"log_id": a_log(6).id, "feedback": 1})

    assert result.is_error
    assert "no documented place for feedback" in result.content[0].text


async def test_the_error_for_a_missing_log_says_how_long_logs_are_kept(filled: Store) -> None:
    async with served(filled, "observability") as (client, _):
        await told(client, "list_logs", {})
        result = await client.call_tool("get_log_details", {"log_id": "no-such-log"})

    assert "No log no-such-log in Workers Observability" in result.content[0].text
    assert "7 days" in result.content[0].text


async def test_search_looks_at_all_of_an_event(filled: Store) -> None:
    async with served(filled, "observability") as (client, _):
        assert "6 of 6 logs" in await told(client, "list_logs", {"search": "server is overloaded"})
