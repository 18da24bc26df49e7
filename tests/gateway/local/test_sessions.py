"""Which session a call is logged under. The clients' headers and bodies were taken from real calls."""

import json
from pathlib import Path
from typing import Any

import pytest
from plane import chat, plane

from cf_aig_gateway.local.calls import LONGEST_ID, SESSION_HEADERS, Call
from cf_aig_gateway.local.providers.answers import Answer
from cf_aig_gateway.local.providers.simulated import Simulated

ID = "01a223d6-499f-78c0-8434-25783f94848a"
HASH = "0" * 64

OPENCODE = {"x-session-affinity": "ses_ddc29876dffevir8HCs48NuaOb", "x-session-id": "ses_ddc29876dffevir8HCs48NuaOb"}
CLAUDE_CODE = {"metadata": {"user_id": json.dumps({"device_id": HASH, "account_uuid": "", "session_id": ID})}}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "body", "session"),
    [
        ({"cf-aig-session-id": "own", "session-id": ID}, {"conversation": "c1"}, "own"),
        ({"x-claude-code-session-id": ID}, {}, ID),
        ({"session-id": ID, "thread-id": "t1"}, {"prompt_cache_key": "k1"}, ID),
        ({"session_id": ID}, {}, ID),
        (OPENCODE, {}, "ses_ddc29876dffevir8HCs48NuaOb"),
        ({"x-opencode-session": "ses_1"}, {}, "ses_1"),
        ({}, CLAUDE_CODE, ID),
        ({}, {"metadata": {"user_id": f"user_{HASH}_account__session_{ID}"}}, ID),
        ({}, {"prompt_cache_key": ID}, ID),
        ({}, {"conversation": {"id": "conv_1"}}, "conv_1"),
        ({}, {"session_id": "s1"}, "s1"),
        ({"cf-aig-session-id": "x" * LONGEST_ID}, {}, "x" * LONGEST_ID),
        ({"cf-aig-session-id": "x" * (LONGEST_ID + 1)}, {}, None),
        ({}, {"user": "alice"}, None),
    ],
)
async def test_a_log_names_the_session_of_its_call(
    tmp_path: Path, headers: dict[str, str], body: dict[str, Any], session: str | None
) -> None:
    async with plane(tmp_path) as gateway:
        await gateway.http.post("openai/chat/completions", json=chat(model="gpt-4o-mini", **body), headers=headers)
        (log,) = await gateway.logs()
        details = await gateway.manage("GET", f"default/logs/{log['id']}")
        found = await gateway.manage("GET", "default/logs/search", params={"session": session or "none"})

    assert log["session_id"] == details.json()["result"]["session_id"] == session
    assert found.json()["result_info"]["total_count"] == (session is not None)


@pytest.mark.anyio
async def test_the_headers_of_agents_reach_the_provider_and_the_gateways_own_does_not(tmp_path: Path) -> None:
    asked: list[Call] = []

    async def upstream(call: Call) -> Answer:
        asked.append(call)
        return await Simulated()(call)

    headers = dict.fromkeys([*SESSION_HEADERS, "cf-aig-session-id"], ID)
    async with plane(tmp_path, upstream=upstream) as gateway:
        await gateway.http.post("openai/chat/completions", json=chat(model="gpt-4o-mini"), headers=headers)

    assert {name for name, value in asked[0].headers.items() if value == ID} == set(SESSION_HEADERS)


@pytest.mark.anyio
async def test_the_steps_of_one_request_are_of_its_session(tmp_path: Path) -> None:
    steps = [
        {"provider": "openai", "endpoint": "chat/completions", "headers": headers, "query": chat("Hi [simulate: overloaded]", model="gpt-4o-mini")}
        for headers in ({}, {"cf-aig-session-id": "of the step"})
    ]  # fmt: skip

    async with plane(tmp_path) as gateway:
        await gateway.http.post(gateway.gateway_url, json=steps, headers={"cf-aig-session-id": ID})
        logs = await gateway.logs()

    assert {log["step"]: log["session_id"] for log in logs} == {0: ID, 1: "of the step"}
