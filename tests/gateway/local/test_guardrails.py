"""Guardrails evaluate prompts and replies, each evaluation with its own log."""

from pathlib import Path
from typing import Any

import pytest
from plane import Plane, chat, plane

from cf_aig_gateway.local.gateway_settings import DEFAULT

pytestmark = pytest.mark.anyio

GUARD = "@cf/meta/llama-guard-3-8b"
UNSAFE = "Why? [simulate: unsafe=S1]"

ECHO = {"type": "object", "properties": {"said": {"enum": [UNSAFE]}}, "required": ["said"]}
"""A schema for which the reply names an unsafe category."""


async def guarded(gateway: Plane, **rules: Any) -> None:
    answer = await gateway.manage("PUT", "default", json=DEFAULT.model_dump() | {"guardrails": rules})
    assert answer.status_code == 200, answer.text


async def said(gateway: Plane, text: str, **more: Any) -> tuple[int, list[dict[str, Any]]]:
    """Send a chat and return its status, and the logs that it left, oldest first."""
    before = {log["id"] for log in await gateway.logs()}
    headers = {"cf-aig-metadata": '{"user": "u1"}', "user-agent": "app/1"}
    answer = await gateway.http.post("compat/chat/completions", json=chat(text, **more), headers=headers)
    await answer.aread()
    return answer.status_code, [log for log in reversed(await gateway.logs()) if log["id"] not in before]


async def test_without_guardrails_there_is_one_log(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        status, logs = await said(gateway, UNSAFE)

    assert (status, len(logs)) == (200, 1)


async def test_each_evaluation_has_a_log_that_shares_the_event_of_its_call(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await guarded(gateway, prompt={"S1": "FLAG"}, response={"S1": "FLAG"})
        status, logs = await said(gateway, UNSAFE)
        evaluations = [log for log in logs if log["model"] == GUARD]
        (call,) = [log for log in logs if log["model"] != GUARD]
        bodies = [await gateway.stored(log["id"], "response") for log in evaluations]

    assert status == 200
    assert len(evaluations) == 2
    assert {log["event_id"] for log in logs} == {call["event_id"]} != {""}
    assert all(log["cost"] > 0 and log["metadata"] is None and not log["user_agent"] for log in evaluations)
    assert b"unsafe\\nS1" in bodies[0]


@pytest.mark.parametrize(("side", "code"), [("prompt", 2016), ("response", 2017)])
async def test_what_a_rule_blocks_is_refused_with_its_code(tmp_path: Path, side: str, code: int) -> None:
    async with plane(tmp_path) as gateway:
        await guarded(gateway, **{side: {"S1": "BLOCK", "S2": "FLAG"}})
        form = {"type": "json_schema", "json_schema": {"name": "echo", "schema": ECHO}}
        status, logs = await said(gateway, UNSAFE, response_format=form)
        (call,) = [log for log in logs if log["model"] != GUARD]
        body = (await gateway.manage("GET", f"default/logs/{call['id']}/response")).json()

    assert (status, call["status_code"], call["success"]) == (424, 424, False)
    assert body["error"][0]["code"] == code


async def test_a_call_of_the_evaluating_model_answers_as_it_does(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        asked = {"messages": [{"role": "user", "content": UNSAFE}]}
        answer = await gateway.http.post(f"workers-ai/{GUARD}", json=asked)
        bad = await gateway.http.post(f"workers-ai/{GUARD}", json={})

    assert answer.json()["result"]["response"] == "unsafe\nS1"
    assert bad.status_code == 400
