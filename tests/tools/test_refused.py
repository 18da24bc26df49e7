"""Calls through the local gateway that policies, budgets and limits refused: the cause is named."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from plane import ACCOUNT, Plane, chat, plane

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

COST = {"cf-aig-custom-cost": json.dumps({"per_token_in": 0.1, "per_token_out": 0})}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncGenerator[Plane]:
    async with plane(tmp_path) as gateway:
        yield gateway


async def policy(gateway: Plane, name: str, action: dict[str, Any], **more: Any) -> None:
    body = {"name": name, "actor": "*", "resource": "*", "action": action, **more}
    (await gateway.manage("POST", "default/policies", json=body)).raise_for_status()


async def asked(gateway: Plane, model: str = "openai/gpt-4o-mini", **metadata: Any) -> None:
    headers = COST | {"cf-aig-metadata": json.dumps(metadata)}
    await gateway.http.post("compat/chat/completions", json=chat(model=model), headers=headers)


async def told(gateway: Plane) -> tuple[str, str]:
    """Return a summary's text, and the details of the newest log."""
    settings = Settings(
        account_id=ACCOUNT, api_token="t", api_url=f"{gateway.url}/client/v4", data_url=f"{gateway.url}/v1"
    )
    log_id = (await gateway.logs())[0]["id"]
    async with Client(build_server(settings)) as client:
        summary = await client.call_tool("summarize_logs", {"start_date": "1h"})
        details = await client.call_tool("get_log_details", {"log_id": log_id})
    return summary.content[0].text, details.content[0].text


async def test_a_policy_that_blocks_is_named(gateway: Plane) -> None:
    await policy(gateway, "all", {"type": "no-limit"})
    await policy(gateway, "no-claude", {"type": "block"}, resource={"provider": "anthropic"})
    await asked(gateway, "anthropic/claude-sonnet-4-5", user="u12")

    summary, details = await told(gateway)

    assert '1 × refused by policy: "Access denied by policy"' in summary
    assert details.startswith("Failed: refused by policy. anthropic/claude-sonnet-4-5 returned 403:")
    assert "Policy no-claude would block it now; a policy change takes up to 15 minutes" in details
    assert "metadata: user=u12" in details


async def test_a_used_up_budget_is_shown_in_dollars_and_not_called_a_rate_limit(gateway: Plane) -> None:
    limit = {"type": "limit", "amount": 0.2, "period": "daily"}
    await policy(gateway, "users", limit, actor="{metadata.user}")
    await asked(gateway, user="u12")
    await asked(gateway, user="u12")

    summary, details = await told(gateway)

    assert '1 × spend limit: "Spending limit exceeded: users:u12, $' in summary
    assert " spent of $0.20" in details
    assert "Policy users would block it now: budget users:u12 is used up, $" in details
    assert "rate limited" not in summary + details


async def test_a_removed_policy_would_let_the_call_pass(gateway: Plane) -> None:
    await policy(gateway, "none", {"type": "block"})
    await asked(gateway)
    (held,) = (await gateway.manage("GET", "default/policies")).json()["result"]
    await gateway.manage("DELETE", f"default/policies/{held['id']}")

    assert "Its policies would allow it now; a policy change takes up to 15 minutes" in (await told(gateway))[1]


async def test_a_spend_limit_names_its_rule_and_window(gateway: Plane) -> None:
    rule = {"id": "r1", "limit": 0.2, "limitType": "cost", "window": 86_400, "technique": "fixed"}
    settings = (await gateway.manage("GET", "default")).json()["result"]
    await gateway.manage("PUT", "default", json=settings | {"spend_limits": {"rules": [rule]}})
    await asked(gateway)
    await asked(gateway)

    summary, details = await told(gateway)

    assert "1 × spend limit" in summary
    assert "rule 'r1' (cost limit 0.2 per 86400s, fixed) for openai gpt-4o-mini" in details


async def test_the_reason_that_the_small_model_answered_is_shown(gateway: Plane) -> None:
    elements = [
        {"id": "s", "type": "start", "outputs": {"next": {"elementId": "b"}}},
        {
            "id": "b", "type": "rate", "outputs": {"success": {"elementId": "l"}, "fallback": {"elementId": "m"}},
            "properties": {"key": "metadata.user", "limit": 0.2, "limitType": "cost", "window": 86_400},
        },
        {"id": "l", "type": "model", "properties": {"provider": "openai", "model": "gpt-4o"}, "outputs": {}},
        {"id": "m", "type": "model", "properties": {"provider": "openai", "model": "gpt-4o-mini"}, "outputs": {}},
    ]  # fmt: skip
    await gateway.manage("POST", "default/routes", json={"name": "support", "elements": elements})
    await asked(gateway, "dynamic/support", user="u12")
    await asked(gateway, "dynamic/support", user="u12")

    details = (await told(gateway))[1]

    assert "Requested dynamic/support: openai/gpt-4o-mini answered." in details
    assert "Route models, in order: openai/gpt-4o, openai/gpt-4o-mini; first a cost limit" in details


async def test_an_alias_whose_first_model_failed_shows_both_steps(tmp_path: Path) -> None:
    aliases = {"small": ["openai/gpt-9-retired", "openai/gpt-4o-mini"]}
    async with plane(tmp_path, aliases=aliases) as gateway:
        body = chat(model="custom/small")
        answer = await gateway.http.post(
            f"{gateway.rest_url}/v1/chat/completions", json=body, headers={"authorization": "Bearer t"}
        )
        summary, details = await told(gateway)

    assert answer.status_code == 200
    assert "1 failed (50 %), all of them answered by a later step (openai/gpt-4o-mini)" in summary
    assert "Requested custom/small: openai/gpt-4o-mini answered, as step 1." in details
    assert "Steps of this call: 0 openai/gpt-9-retired 404 not found" in details


NO_CREDIT = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}


@pytest.mark.parametrize(
    ("balance", "said"),
    [
        (
            {"balance": 0, "topup_config": {"error": "card_declined", "lastFailedAt": "2026-11-24T08:00:00Z"}},
            'Cloudflare credit: none left; the last top-up failed at 2026-11-24T08:00:00Z: "card_declined".',
        ),
        (
            {"balance": -1.5, "has_default_payment_method": False},
            "Cloudflare credit: none left; no payment method is set",
        ),
        ({"balance": 12.5}, "Cloudflare credit: $12.5 left; the provider account may be the one out of credit."),
        (403, "The credit balance is unknown (No permission."),
        ({}, ""),
        (404, ""),
    ],
)
async def test_a_call_without_credit_shows_the_balance(balance: Any, said: str) -> None:
    asked: list[str] = []
    row = {"id": "one", "success": False, "status_code": 402, "response_head": json.dumps(NO_CREDIT)}

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        if not request.url.path.endswith("/billing/credit-balance"):
            return httpx2.Response(200, json={"success": True, "result": row})
        if isinstance(balance, int):
            return httpx2.Response(balance, json={"success": False, "errors": []})
        return httpx2.Response(200, json={"success": True, "result": balance})

    settings = Settings(account_id=ACCOUNT, api_token="t", logs="gateway")
    async with Client(build_server(settings, httpx2.MockTransport(answer))) as client:
        result = await client.call_tool("get_log_details", {"log_id": "one"})

    assert said in result.content[0].text
    assert ("redit" in result.content[0].text.replace("out of credit", "")) == bool(said)
    assert sum(path.endswith("/credit-balance") for path in asked) == 1
