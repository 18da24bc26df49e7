import json
from typing import Any

import pytest
from agents import Agent
from logs import a_log
from mcp import Client
from runs import claude_code, codex

from cf_aig_gateway.local.store import Store
from cf_aig_gateway.models import Log
from cf_aig_tools.sessions import client_of, session_of, spoken, user_of

pytestmark = pytest.mark.anyio

DAY = {"group_by": "session", "start_date": "2026-11-21", "end_date": "2026-11-22"}


async def summarized(client: Client, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool("summarize_logs", DAY | arguments)
    assert not result.is_error, result.content[0].text
    return result.structured_content


def rows(summary: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(summary["columns"], row, strict=True)) | (summary.get("same") or {}) for row in summary["rows"]]


async def test_runs_are_listed_by_the_session_in_their_bodies(client: Client, store: Store) -> None:
    labeled = [claude_code("user_0f_account__session_%s"), codex()]
    for record in (record for each in labeled for record in each.records):
        record.user_agent = (
            "codex_cli_rs/0.171.0" if record.provider == "openai" else "claude-cli/2.1.197 (external, cli)"
        )
        await store.add(record)

    found = {row["session"]: row for row in rows(await summarized(client))}

    assert len(found) == 4
    row = found["12345678-1234-4234-8234-123456789abc"]
    assert (row["calls"], row["client"], row["models"]) == (5, "Claude Code", "anthropic/claude-sonnet-4-5")
    assert (row["first"], row["last"]) == ("12:00:00", "12:00:24")
    assert (row["user"], row["last asked"]) == ("user_0f_account_", "Give session 0 a short title")
    assert row["last id"] == max(labeled[0].runs[0][0])
    assert found["019a0000-0000-7000-8000-000000000001"]["client"] == "Codex"


async def test_a_session_far_above_all_others_comes_first(client: Client, store: Store) -> None:
    for number in range(20):
        metadata = {"sessionId": f"s{number}", "userId": f"u{number % 2}"}
        await store.add(
            a_log(number, minutes=number, metadata=metadata, cost=5 if number == 8 else 0.1 + number / 1000)
        )

    first, second, *_ = rows(await summarized(client))

    assert first["session"] == "s8"
    assert first["changed"] == "unusual: over twice this user's p95 of $0.118 and above everyone's p99"
    assert not second.get("changed")


async def test_failures_are_grouped_by_session(client: Client, store: Store) -> None:
    agent = Agent(body={"conversation": "conv_1"}).ask("Say hello")
    agent.call("Hello.")
    agent.call(success=False, status_code=503, response=b"{}")
    for record in [*agent.records, a_log(9999)]:
        await store.add(record)

    found = {row["session"]: row for row in rows(await summarized(client))}

    assert (found["conv_1"]["calls"], found["conv_1"]["failed"]) == (2, 1)
    assert (found["(none)"]["calls"], found["(none)"]["failed"]) == (1, 0)


async def test_logs_can_be_listed_with_their_sessions(client: Client, store: Store) -> None:
    await store.add(a_log(1, metadata={"chatId": "c1"}))
    await store.add(a_log(2, request=json.dumps({"conversation": "conv_1", "input": "Hi"}).encode()))
    await store.add(a_log(3))

    result = await client.call_tool("list_logs", {"fields": ["id", "session"], "order_by_direction": "asc"})

    assert [row[1] for row in result.structured_content["rows"]] == ["c1", "conv_1", None]


@pytest.mark.parametrize(
    ("agent", "client"),
    [
        ("claude-cli/2.1.197 (external, cli)", "Claude Code"),
        ("codex_cli_rs/0.171.0 (Debian)", "Codex"),
        ("GeminiCLI/0.61.0/gemini-2.5-pro (linux; x64)", "Gemini CLI"),
        ("opencode/1.18.33 ai-sdk/provider-utils/4.0.3", "OpenCode"),
        ("AsyncOpenAI/Python 3.54.0", "OpenAI SDK"),
        ("my-app/1.2 (x)", "my-app"),
        (None, ""),
    ],
)
def test_clients_are_known_by_their_user_agents(agent: str | None, client: str) -> None:
    assert client_of(Log(id="a", user_agent=agent)) == client


def test_sessions_and_users_are_found_by_the_names_of_metadata() -> None:
    log = Log(id="a", metadata={"userId": "u1", "chat": "c", "mySession": 7, "is_session": True, "cf.user_id": "cf1"})

    assert session_of(log) == "7"
    assert user_of(log) == "cf1"
    assert session_of(log.model_copy(update={"session_id": "s"})) == "s"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<system-reminder>\nAgents: a\n</system-reminder>\nFix it <b>now</b>", "Fix it <b>now</b>"),
        ("<session_context>This is a CLI.</session_context>\n\nSay hello", "Say hello"),
        ("<system-reminder>only that</system-reminder>", "<system-reminder>only that</system-reminder>"),
        ("<p>kept as it is", "<p>kept as it is"),
    ],
)
def test_text_that_agents_add_to_a_users_message_is_left_out(text: str, said: str) -> None:
    assert spoken(text) == said


@pytest.mark.parametrize("by", ["user", "user_agent"])
async def test_spend_by_user_and_by_client_is_the_sum_of_their_logs(client: Client, store: Store, by: str) -> None:
    agents = {"claude-cli/2.1.197 (external, cli)": "Claude Code", "claude-cli/2.0.1": "Claude Code", "curl/8": "curl"}
    logs = [
        a_log(at, minutes=at, cost=at / 100, user_agent=list(agents)[at % 3], metadata={"cf.user_id": f"u{at % 4}"})
        for at in range(60)
    ]
    for log in logs:
        await store.add(log)

    found = {row[by]: row["$"] for row in rows(await summarized(client, group_by=by))}

    named = (lambda log: log.metadata["cf.user_id"]) if by == "user" else (lambda log: agents[log.user_agent])
    sums = {name: sum(log.cost or 0 for log in logs if named(log) == name) for name in map(named, logs)}
    assert found == pytest.approx(sums, rel=0.005)
