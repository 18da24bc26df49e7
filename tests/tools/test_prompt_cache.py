"""Why the provider's prompt cache missed, what that cost, and since when: from the provider's words or by comparison."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from agents import Agent
from logs import a_log
from mcp import Client

from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

RULES = "You are a coding agent. " + "Be careful with files and with tests. " * 400
TOOLS = [{"name": name, "input_schema": {"type": "object"}} for name in ("read_file", "run_tests", "edit_file")]


def a_session(form: str = "anthropic", **body: Any) -> Agent:
    marked = {"cache_control": {"type": "ephemeral"}} if form == "anthropic" else {}
    return Agent(form, system=RULES, body={"tools": TOOLS, **marked, **body}).ask("Fix the login page")


def answered(agent: Agent, read: int, sent: int = 4000, **more: Any) -> str:
    """Log a call of which this many tokens came from the provider's cache."""
    usage = {"input_tokens": sent - read, "cache_read_input_tokens": read, "output_tokens": 5}
    if agent.form != "anthropic":
        usage = {"input_tokens": sent, "input_tokens_details": {"cached_tokens": read}, "output_tokens": 5}
    number = len(agent.records)
    reply: dict[str, Any] = {"usage": usage, **more}
    if agent.form == "anthropic":
        content = [{"type": "text", "text": f"Done {number}"}]
        reply |= {
            "id": f"m{number}",
            "type": "message",
            "role": "assistant",
            "content": content,
            "stop_reason": "end_turn",
        }
    else:
        part = {"type": "output_text", "text": f"Done {number}"}
        message = {"type": "message", "role": "assistant", "content": [part]}
        reply |= {"id": f"resp_{number}", "object": "response", "status": "completed", "output": [message]}
    counted = {"input_cached_tokens": read}
    log_id = agent.call(f"Done {number}", response=json.dumps(reply).encode(), tokens_in=sent, usage_metadata=counted)
    agent.ask(f"Go on, {number}")
    return log_id


async def cache_line(client: Client, store: Store, agent: Agent, log_id: str) -> str:
    for record in agent.records:
        await store.add(record)
    result = await client.call_tool("get_log_details", {"log_id": log_id})
    assert not result.is_error, result.content[0].text
    return next((line for line in result.content[0].text.splitlines() if line.startswith("prompt cache: ")), "")


def another_model(agent: Agent) -> None:
    agent.body["model"] = "claude-opus-4-5"


def tools_in_another_order(agent: Agent) -> None:
    agent.body["tools"] = [TOOLS[0], TOOLS[2], TOOLS[1]]


def a_tool_more(agent: Agent) -> None:
    agent.body["tools"] = [*TOOLS, {"name": "search_web", "input_schema": {}}]


def a_tool_changed(agent: Agent) -> None:
    agent.body["tools"] = [TOOLS[0], {**TOOLS[1], "description": "Runs them"}, TOOLS[2]]


def a_time_at_the_head(agent: Agent) -> None:
    agent.system = "It is 12:01. " + RULES


def an_earlier_message(agent: Agent) -> None:
    agent.history[0]["text"] = "Fix the login page!"


def another_key(agent: Agent) -> None:
    agent.body["prompt_cache_key"] = "other"


def another_effort(agent: Agent) -> None:
    agent.body["reasoning"] = {"effort": "high"}


def another_tier(agent: Agent) -> None:
    agent.body["service_tier"] = "flex"


def seven_minutes(agent: Agent) -> None:
    agent.at += 7


@pytest.mark.parametrize(
    ("form", "breaks", "why"),
    [
        ("anthropic", another_model, "the model changed from claude-sonnet-4-5 to claude-opus-4-5"),
        ("anthropic", tools_in_another_order, "the tool order changed at tool 2, edit_file"),
        ("anthropic", a_tool_more, "tool search_web was added"),
        ("responses", a_tool_changed, "tool run_tests changed"),
        ("anthropic", a_time_at_the_head, "the system prompts differ at character 0: a time"),
        ("anthropic", an_earlier_message, "message 1 differs at character 24"),
        ("responses", another_key, "prompt_cache_key changed"),
        ("responses", another_effort, "reasoning changed"),
        ("responses", another_tier, "service_tier changed"),
        ("anthropic", seven_minutes, "nothing differs: 7 minutes since the last call, cache lifetime 5 minutes"),
    ],
)
async def test_a_miss_is_explained_by_the_call_before(
    client: Client, store: Store, form: str, breaks: Callable[[Agent], None], why: str
) -> None:
    session = {"conversation": "conv_1"} if form == "responses" else {"metadata": {"session_id": "s1"}}
    agent = a_session(form, **session)
    answered(agent, 0)
    answered(agent, 3900, 4100)
    breaks(agent)
    missed = answered(agent, 0, 4200)

    line = await cache_line(client, store, agent, missed)

    left = "4,096" if form == "responses" else "4,100"
    assert line.startswith(f"prompt cache: missed {left} of 4,200 input tokens ({why}), about $0.0")
    assert line.endswith(" more than a hit")


@pytest.mark.parametrize(
    ("form", "stated", "said"),
    [
        (
            "anthropic",
            {"diagnostics": {"cache_miss_reason": {"type": "tools_changed", "cache_missed_input_tokens": 3000}}},
            "prompt cache: missed 3,000 of 4,000 input tokens (Anthropic: tools_changed), about $0.0",
        ),
        (
            "responses",
            {
                "prompt_cache_diagnostics": {
                    "type": "cache_miss",
                    "cache_missed_tokens": 3000,
                    "reason": "service_tier_changed",
                }
            },
            "prompt cache: missed 3,000 of 4,000 input tokens (OpenAI: service_tier_changed), about $0.0",
        ),
    ],
)
async def test_the_providers_own_reason_comes_first(
    client: Client, store: Store, form: str, stated: dict[str, Any], said: str
) -> None:
    agent = a_session(form)
    log_id = answered(agent, 0, **stated)

    assert (await cache_line(client, store, agent, log_id)).startswith(said)

    body = await client.call_tool("get_log_response_body", {"log_id": log_id})
    assert body.content[0].text.startswith("The prompt cache missed 3,000 input tokens: ")


async def test_a_request_without_marks_is_reported_as_such(client: Client, store: Store) -> None:
    agent = Agent("anthropic", system=RULES).ask("Fix it")
    agent.body = {"messages": [{"role": "user", "content": "Fix it"}]}
    answered(agent, 0)
    agent.body = {
        "messages": [
            {"role": "user", "content": "Fix it"},
            {"role": "assistant", "content": "Done 0"},
            {"role": "user", "content": "Go on"},
        ]
    }
    log_id = answered(agent, 0, 4100)

    assert "(nothing in the request is marked for caching)" in await cache_line(client, store, agent, log_id)


async def test_hits_are_reported_but_not_for_calls_that_cannot_be_cached(client: Client, store: Store) -> None:
    agent = a_session()
    answered(agent, 0)
    hit = answered(agent, 3900, 4100)
    short = a_log(9000, tokens_in=500)
    await store.add(short)

    assert await cache_line(client, store, agent, hit) == "prompt cache: read 3,900 of 4,100 input tokens"
    details = await client.call_tool("get_log_details", {"log_id": short.id})
    assert "prompt cache" not in details.content[0].text


async def test_a_first_call_is_reported_as_having_read_nothing(client: Client, store: Store) -> None:
    agent = a_session()
    first = answered(agent, 0)

    assert await cache_line(client, store, agent, first) == "prompt cache: read 0 of 4,000 input tokens"


def spoken(usage: dict[str, Any]) -> bytes:
    message = {"role": "assistant", "content": "Scattering."}
    return json.dumps({"model": "gpt-4o", "choices": [{"message": message}], "usage": usage}).encode()


@pytest.mark.parametrize(
    ("sent", "read", "line", "seen"),
    [
        (
            800,
            0,
            "prompt cache: read 0 of 800 input tokens (below the 1,024-token minimum)",
            "tokens 800 in (0 cache read), 3 out",
        ),
        (800, None, "", "tokens 800 in, 3 out"),
        (
            5000,
            0,
            "prompt cache: read 0 of 5,000 input tokens",
            "tokens 5,000 in (0 cache read), 3 out",
        ),
        (
            5000,
            4096,
            "prompt cache: read 4,096 of 5,000 input tokens",
            "tokens 5,000 in (904 new, 4,096 cache read), 3 out",
        ),
    ],
)
async def test_a_total_miss_is_zero_and_an_unknown_figure_is_none(
    client: Client, store: Store, sent: int, read: int | None, line: str, seen: str
) -> None:
    details = {} if read is None else {"prompt_tokens_details": {"cached_tokens": read}}
    counted = {} if read is None else {"input_cached_tokens": read}
    usage = {"prompt_tokens": sent, "completion_tokens": 3, **details}
    log = a_log(1, model="openai/gpt-4o", tokens_in=sent, usage_metadata=counted, response=spoken(usage))
    await store.add(log)

    told = (await client.call_tool("get_log_details", {"log_id": log.id})).content[0].text.splitlines()
    view = (await client.call_tool("get_log_response_body", {"log_id": log.id})).content[0].text
    rows = (await client.call_tool("list_logs", {"fields": ["model", "prompt cache"]})).structured_content

    assert [each for each in told if each.startswith("prompt cache")] == [line][: bool(line)]
    assert seen in view
    cells = dict(zip(rows["columns"], rows["rows"][0], strict=True))
    assert cells.get("prompt cache") == (None if read is None else f"{read:,} of {sent:,}")


async def test_a_summary_distinguishes_no_hits_from_no_figure(client: Client, store: Store) -> None:
    for number in range(4):
        await store.add(a_log(number, model="openai/gpt-4o", tokens_in=4000, usage_metadata={"input_cached_tokens": 0}))
        await store.add(a_log(10 + number, model="mistral/large", tokens_in=4000))
        hit = {"tokens_in": 4000, "usage_metadata": {"input_cached_tokens": 2000}}
        await store.add(a_log(20 + number, model="anthropic/claude-sonnet-4-5", **hit))
    asked = {"start_date": "2026-11-21T12:00Z", "end_date": "2026-11-21T13:00Z"}

    every = (await client.call_tool("summarize_logs", asked)).structured_content
    missed = (await client.call_tool("summarize_logs", asked | {"model": "openai/gpt-4o"})).structured_content
    unknown = (await client.call_tool("summarize_logs", asked | {"model": "mistral/large"})).structured_content

    at = every["columns"].index("prompt cache %")
    assert {row[0]: row[at] for row in every["rows"]} == {
        "openai/gpt-4o": 0,
        "mistral/large": None,
        "anthropic/claude-sonnet-4-5": 50,
    }
    assert "prompt cache read 25 % of input (saved" in every["summary"]
    assert "prompt cache read 0 % of input," in missed["summary"]
    assert "prompt cache" not in unknown["summary"]


async def test_short_prompts_are_why_nothing_is_read(client: Client, store: Store) -> None:
    await store.add(a_log(1, tokens_in=500, usage_metadata={"input_cached_tokens": 0}))
    asked = {"start_date": "2026-11-21T12:00Z", "end_date": "2026-11-21T13:00Z"}

    summary = (await client.call_tool("summarize_logs", asked)).structured_content["summary"]

    assert "prompt cache read 0 % of input (no prompt reaches the 1,024-token minimum)" in summary


@pytest.mark.parametrize(
    ("form", "body", "seen", "told"),
    [
        (
            "anthropic",
            {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
            "2 cache marks (ttl 1h)",
            "prompt cache requested: 2 cache marks (ttl 1h)",
        ),
        ("anthropic", {}, "2 cache marks", "prompt cache requested: 2 cache marks"),
        (
            "responses",
            {"prompt_cache_key": "app-7", "prompt_cache_options": {"mode": "explicit", "ttl": "12h"}},
            'prompt_cache_key app-7, prompt_cache_options "mode explicit ttl 12h"',
            'prompt cache requested: prompt_cache_key app-7, prompt_cache_options "mode explicit ttl 12h"',
        ),
    ],
)
async def test_a_requests_cache_settings_are_shown(
    client: Client, store: Store, form: str, body: dict[str, Any], seen: str, told: str
) -> None:
    agent = a_session(form, **body)
    log_id = answered(agent, 3900)
    for record in agent.records:
        await store.add(record)

    view = (await client.call_tool("get_log_request_body", {"log_id": log_id})).content[0].text
    details = (await client.call_tool("get_log_details", {"log_id": log_id})).content[0].text

    assert seen in view
    assert told in details.splitlines()


async def test_a_summary_dates_a_drop_in_prompt_cache_hits(client: Client, store: Store) -> None:
    for minute in range(240):
        read = 3600 if minute < 122 else 100
        await store.add(
            a_log(
                minute,
                minutes=minute,
                model="anthropic/claude-sonnet-4-5",
                tokens_in=4000,
                usage_metadata={"input_cached_tokens": read},
            )
        )

    result = await client.call_tool(
        "summarize_logs", {"start_date": "2026-11-21T12:00Z", "end_date": "2026-11-21T16:00Z"}
    )

    summary = result.structured_content
    row = dict(zip(summary["columns"], summary["rows"][0], strict=True))
    assert "prompt cache 90 → 2.5 % since 14:02" in row["changed"]
    assert row["prompt cache %"] == 47
    assert row["prompt saved $"] == pytest.approx((122 * 3600 + 118 * 100) * 2.7e-6, rel=0.01)
    assert "prompt cache read 47 % of input (saved about $1.22)" in summary["summary"]
