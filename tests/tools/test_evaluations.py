"""Guardrails' own evaluation calls are distinguished from users' calls."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from logs import a_log
from mcp import Client
from plane import chat, plane

from cf_aig_gateway.local.gateway_settings import DEFAULT
from cf_aig_gateway.local.store import Store
from cf_aig_gateway.models import Log
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_tools.amounts import dollars
from cf_aig_tools.evaluations import WHAT, is_evaluation

pytestmark = pytest.mark.anyio

GUARD: dict[str, Any] = {"provider": "workers-ai", "model": "@cf/meta/llama-guard-3-8b", "event_id": "e1"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"step": 0}, True),
        ({"event_id": ""}, False),
        ({"event_id": None}, False),
        ({"step": 1}, False),
        ({"model": "@cf/meta/llama-3.1-8b-instruct"}, False),
        ({"provider": "groq", "model": "groq/llama-guard-3-8b"}, False),
    ],
)
def test_an_evaluation_is_a_call_of_the_evaluating_model_with_the_event_of_another_call(
    changes: dict[str, Any], expected: bool
) -> None:
    assert is_evaluation(Log.model_validate({"id": "x", **GUARD, **changes})) is expected


async def guarded_calls(folder: Path, count: int) -> list[dict[str, Any]]:
    """Send chats through a gateway with guardrails, and one to their model by a user; return the logs, newest first."""
    async with plane(folder) as gateway:
        rules = {"guardrails": {"prompt": {"S1": "FLAG"}}}
        assert (await gateway.manage("PUT", "default", json=DEFAULT.model_dump() | rules)).status_code == 200
        for number in range(count):
            await gateway.http.post("compat/chat/completions", json=chat(f"Why? {number}"))
        own = {"messages": [{"role": "user", "content": "Is this safe?"}]}
        assert (await gateway.manage("PUT", "default", json=DEFAULT.model_dump())).status_code == 200
        await gateway.http.post(f"workers-ai/{GUARD['model']}", json=own)
        return await gateway.logs()


def dollars_of(logs: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(str(log["cost"])) for log in logs), Decimal())


async def test_rows_and_details_say_which_calls_guardrails_made(tmp_path: Path) -> None:
    logs = await guarded_calls(tmp_path, 1)
    (call,) = [log for log in logs if log["model"] == "openai/gpt-4o-mini"]
    (evaluation,) = [log for log in logs if log["event_id"] and log is not call]

    async with Client(build_server(Settings(local=str(tmp_path / "gateway.db")))) as client:
        listed = await client.call_tool("list_logs", {})
        details = await client.call_tool("get_log_details", {"log_id": evaluation["id"]})
        others = await client.call_tool("get_log_details", {"log_id": call["id"]})

    columns, rows = listed.structured_content["columns"], listed.structured_content["rows"]
    what = {row[0]: row[columns.index("what")] for row in rows}
    assert what == {log["id"]: WHAT if log is evaluation else "" for log in logs}
    assert "1 by guardrails" in listed.content[0].text
    assert "Made by guardrails, not a user" in details.content[0].text
    assert f"They evaluated log {call['id']}" in details.content[0].text
    assert "guardrails" not in others.content[0].text


async def test_a_summary_does_not_count_evaluations_among_users_calls(tmp_path: Path) -> None:
    logs = await guarded_calls(tmp_path, 4)
    users = [log for log in logs if not log["event_id"] or log["model"] != GUARD["model"]]
    evaluations = [log for log in logs if log not in users]

    async with Client(build_server(Settings(local=str(tmp_path / "gateway.db")))) as client:
        told = (await client.call_tool("summarize_logs", {"start_date": "1h"})).structured_content
        asked = {"start_date": "1h", "model": GUARD["model"]}
        of_model = (await client.call_tool("summarize_logs", asked)).structured_content

    cost = dollars(float(dollars_of(evaluations)))
    assert (len(users), len(evaluations)) == (5, 4)
    assert f"Guardrails: 4 evaluation calls, {cost}, not counted as user calls." in told["summary"]
    assert ": 5 calls" in told["summary"]
    assert ": 5 calls" in of_model["summary"]
    assert "Guardrails" not in of_model["summary"]


async def test_among_more_logs_than_are_read_evaluations_are_counted_by_analytics(tmp_path: Path) -> None:
    async with Store(tmp_path / "gateway.db") as store:
        for number in range(1500):
            at = {"minutes": number / 30, "event_id": f"e{number}"}
            await store.add(a_log(number, **at, cost=0.001 * (1 + number % 7)))
            evaluation = {"provider": "workers-ai", "model": GUARD["model"], "cost": 0.0002 * (1 + number % 3)}
            await store.add(a_log(10_000 + number, **at, **evaluation))

    span = {"start_date": "2026-11-21T12:00Z", "end_date": "2026-11-21T13:00Z"}
    async with Client(build_server(Settings(local=str(tmp_path / "gateway.db")))) as client:
        told = (await client.call_tool("summarize_logs", span)).structured_content

    spent = sum(Decimal("0.001") * (1 + number % 7) for number in range(1500))
    evaluated = sum(Decimal("0.0002") * (1 + number % 3) for number in range(1500))
    assert f": 1,500 calls, 0 failed, {dollars(float(spent))}" in told["summary"]
    assert f"Guardrails: 1,500 evaluation calls, {dollars(float(evaluated))}" in told["summary"]
    assert "from analytics" in told["basis"]
    assert GUARD["model"] not in str(told["rows"])
