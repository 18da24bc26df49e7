"""Spend limits refuse the calls that their rules apply to, once those have cost that much, in Cloudflare's words."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from plane import Plane, chat, plane

pytestmark = pytest.mark.anyio

COST = {"cf-aig-custom-cost": json.dumps({"per_token_in": 0.1, "per_token_out": 0})}


async def configure(gateway: Plane, *rules: dict[str, Any]) -> httpx2.Response:
    settings = (await gateway.manage("GET", "default")).json()["result"]
    return await gateway.manage("PUT", "default", json=settings | {"spend_limits": {"enabled": True, "rules": rules}})


def rule(limit: float = 0.2, window: int = 3600, **more: Any) -> dict[str, Any]:
    return {"id": "r1", "limit": limit, "limitType": "cost", "window": window, "technique": "fixed", **more}


async def statuses(gateway: Plane, *calls: dict[str, Any]) -> list[int]:
    """Return the statuses of calls by model and metadata. Each call costs 50 cents or more."""
    found: list[int] = []
    for call in calls:
        headers = COST | {"cf-aig-metadata": json.dumps(call.get("metadata", {}))}
        body = chat(model=call.get("model", "openai/gpt-4o-mini"))
        found.append((await gateway.http.post("compat/chat/completions", json=body, headers=headers)).status_code)
    return found


@pytest.mark.parametrize(
    ("own", "calls", "expected"),
    [
        ({}, [{}, {}], [200, 429]),
        ({"limit": 100}, [{}, {}], [200, 200]),
        ({"enabled": False}, [{}, {}], [200, 200]),
        ({"provider": {"mode": "filter", "values": ["anthropic"]}}, [{}, {}], [200, 200]),
        (
            {"model": {"mode": "filter", "values": ["gpt-4o-mini"]}},
            [{}, {}, {"model": "openai/gpt-4o"}],
            [200, 429, 200],
        ),
        (
            {"metadata": {"user": {"mode": "partition"}}},
            [{"metadata": {"user": user}} for user in ("u1", "u1", "u2")],
            [200, 429, 200],
        ),
        (
            {"metadata": {"team": {"mode": "filter", "values": ["red"]}}},
            [{"metadata": {"team": team}} for team in ("red", "red", "blue", "blue")],
            [200, 429, 200, 200],
        ),
    ],
)
async def test_a_rule_refuses_its_calls_once_its_limit_is_spent(
    tmp_path: Path, own: dict[str, Any], calls: list[dict[str, Any]], expected: list[int]
) -> None:
    async with plane(tmp_path) as gateway:
        assert (await configure(gateway, rule() | own)).status_code == 200

        assert await statuses(gateway, *calls) == expected


async def test_the_refusal_names_the_rule_and_is_logged(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await configure(gateway, rule())
        await statuses(gateway, {}, {})
        log, _ = await gateway.logs()
        body = json.loads(await gateway.stored(log["id"], "response"))

    assert (log["status_code"], body["internalCode"]) == (429, 2045)
    assert body["message"] == (
        "Spend limit exceeded: rule 'r1' (cost limit 0.2 per 3600s, fixed) for openai gpt-4o-mini"
    )


async def test_an_invalid_rule_is_refused(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        assert (await configure(gateway, {"limit": -1, "limitType": "cost", "window": 0})).status_code == 400


async def test_calls_answered_from_the_cache_are_not_refused(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await configure(gateway, rule())
        headers = COST | {"cf-aig-cache-ttl": "600"}
        answers = [await gateway.http.post("compat/chat/completions", json=chat(), headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["cf-aig-cache-status"] == "HIT"
