"""Policies allow, block and limit calls, and say beforehand what they would do."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from plane import Plane, chat, plane

pytestmark = pytest.mark.anyio

COST = {"cf-aig-custom-cost": json.dumps({"per_token_in": 0.1, "per_token_out": 0})}


async def policy(gateway: Plane, name: str, action: dict[str, Any], **more: Any) -> httpx2.Response:
    body = {"name": name, "actor": "*", "resource": "*", "action": action, **more}
    return await gateway.manage("POST", "default/policies?commit=true", json=body)


async def asked(gateway: Plane, model: str = "openai/gpt-4o-mini", **metadata: Any) -> httpx2.Response:
    headers = COST | {"cf-aig-metadata": json.dumps(metadata)}
    return await gateway.http.post("compat/chat/completions", json=chat(model=model), headers=headers)


async def test_without_a_policy_every_call_is_allowed(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        assert (await asked(gateway)).status_code == 200


async def test_a_call_that_no_policy_allows_is_refused_in_its_words_and_logged(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await policy(gateway, "minis", {"type": "no-limit"}, resource={"provider": "openai", "model": "gpt-4o-mini"})
        allowed, refused = await asked(gateway), await asked(gateway, "openai/gpt-4o")
        log, _ = await gateway.logs()

    assert allowed.status_code == 200
    assert (refused.status_code, refused.json()) == (
        403,
        {"success": False, "error": {"message": "Access denied by policy"}},
    )
    assert (log["status_code"], log["model"]) == (403, "openai/gpt-4o")


async def test_a_block_comes_before_what_is_allowed(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await policy(gateway, "all", {"type": "no-limit"})
        await policy(gateway, "no-claude", {"type": "block"}, resource={"provider": "anthropic", "model": "*"})

        found = [(await asked(gateway, name)).status_code for name in ("openai/gpt-4o", "anthropic/claude-sonnet-4-5")]

    assert found == [200, 403]


async def test_each_user_has_a_budget_in_dollars(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        limit = {"type": "limit", "amount": 0.2, "period": "monthly", "technique": "named-interval"}
        await policy(gateway, "users", limit, actor="{metadata.user}")
        found = [await asked(gateway, user=user) for user in ("u1", "u1", "u2")]

    error = found[1].json()["error"]
    assert [answer.status_code for answer in found] == [200, 429, 200]
    assert (error["message"], error["bucket"], error["limit"]) == ("Spending limit exceeded", "users:u1", 0.2)
    assert error["spent"] >= 0.2


async def test_calls_answered_from_the_cache_skip_policies(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        headers = {"cf-aig-cache-ttl": "600"}
        await gateway.http.post("compat/chat/completions", json=chat(), headers=headers)
        await policy(gateway, "none", {"type": "block"})

        answer = await gateway.http.post("compat/chat/completions", json=chat(), headers=headers)

    assert (answer.status_code, answer.headers["cf-aig-cache-status"]) == (200, "HIT")


async def test_simulate_says_what_would_happen(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await policy(gateway, "users", {"type": "limit", "amount": 5}, actor="{metadata.user}")
        await policy(gateway, "no-claude", {"type": "block"}, resource={"provider": "anthropic"})
        call = {"identity": {"metadata": {"user": "u1"}}, "provider": "openai", "model": "gpt-4o"}
        asks = [
            call,
            call | {"bucketUsage": {"users": {"spent": 7}}},
            call | {"provider": "anthropic", "model": "claude-sonnet-4-5"},
        ]
        answers = [
            (await gateway.manage("POST", "default/policies/simulate", json=ask)).json()["result"] for ask in asks
        ]

    assert [answer["evaluation"]["decision"] for answer in answers] == ["check_limits", "check_limits", "block"]
    assert answers[0]["enforcement"] == {"allowed": True}
    assert answers[1]["enforcement"] == {
        "allowed": False, "reason": "limit_exceeded", "policyName": "users", "bucket": "users:u1", "spent": 7, "limit": 5,
    }  # fmt: skip
    assert answers[2]["enforcement"] == {"allowed": False, "reason": "blocked", "policyName": "no-claude"}
    assert answers[2]["policiesEvaluated"] == 2


async def test_policies_are_listed_changed_in_part_and_deleted(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        made = (await policy(gateway, "all", {"type": "no-limit"})).json()["result"]
        path = f"default/policies/{made['id']}"
        changed = (await gateway.manage("PUT", path, json={"name": "everyone"})).json()["result"]
        listed = (await gateway.manage("GET", "default/policies")).json()["result"]
        await gateway.manage("DELETE", path)
        gone = await gateway.manage("DELETE", path)

    assert (changed["name"], changed["action"]["type"]) == ("everyone", "no-limit")
    assert [held["name"] for held in listed] == ["everyone"]
    assert gone.status_code == 404


async def test_conditions_are_refused_as_not_emulated(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        answer = await policy(gateway, "red", {"type": "block"}, condition='metadata.team == "red"')

    assert answer.status_code == 501
    assert "does not emulate conditions" in answer.text
