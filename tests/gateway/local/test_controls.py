"""A caller's options in headers, and the gateway's settings."""

from pathlib import Path
from typing import Any

import pytest
from plane import Plane, chat, plane

COMPAT = "compat/chat/completions"
REQUIRED = {
    "cache_invalidate_on_update": False,
    "cache_ttl": 0,
    "collect_logs": True,
    "rate_limiting_interval": 0,
    "rate_limiting_limit": 0,
}


async def ask(gateway: Plane, body: dict[str, Any] | None = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await gateway.http.post(COMPAT, json=body or chat(), headers=named)


async def configure(gateway: Plane, **settings: Any) -> None:
    answer = await gateway.manage("PUT", "default", json={"id": "default", **REQUIRED, **settings})
    assert answer.status_code == 200, answer.text


@pytest.mark.anyio
async def test_caching_is_off_by_default(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        statuses = [(await ask(gateway)).headers["cf-aig-cache-status"] for _ in range(2)]

    assert statuses == ["MISS", "MISS"]


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["cf_aig_cache_ttl", "cf_cache_ttl"])
async def test_a_reply_is_cached_for_the_requested_time(tmp_path: Path, name: str) -> None:
    async with plane(tmp_path) as gateway:
        first = await ask(gateway, **{name: "3600"})
        second = await ask(gateway, **{name: "3600"}, cf_aig_metadata='{"user": "another"}')
        other_key = await ask(gateway, **{name: "3600"}, authorization="Bearer another")
        hit = (await gateway.logs())[1]

    assert (first.headers["cf-aig-cache-status"], second.headers["cf-aig-cache-status"]) == ("MISS", "HIT")
    assert second.content == first.content
    assert second.headers["cf-aig-log-id"] == hit["id"] != first.headers["cf-aig-log-id"]
    assert (hit["cached"], hit["cost"], hit["tokens_in"], hit["tokens_out"]) == (True, 0, 0, 0)
    assert other_key.headers["cf-aig-cache-status"] == "MISS"


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["cf_aig_skip_cache", "cf_skip_cache"])
async def test_a_call_that_skips_the_cache_is_still_kept(tmp_path: Path, name: str) -> None:
    async with plane(tmp_path) as gateway:
        skipped = [await ask(gateway, cf_aig_cache_ttl="3600", **{name: "true"}) for _ in range(2)]
        after = await ask(gateway, cf_aig_cache_ttl="3600")

    assert [answer.headers["cf-aig-cache-status"] for answer in (*skipped, after)] == ["MISS", "MISS", "HIT"]


@pytest.mark.anyio
async def test_a_callers_own_key_decides_which_requests_are_the_same(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        first = await ask(gateway, cf_aig_cache_key="sky")
        other = await ask(gateway, chat("Something else"), cf_aig_cache_key="sky")

    assert other.headers["cf-aig-cache-status"] == "HIT"
    assert other.content == first.content


@pytest.mark.anyio
async def test_a_gateways_own_ttl_applies_unless_a_header_turns_it_off(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await configure(gateway, cache_ttl=300)
        answers = [await ask(gateway), await ask(gateway), await ask(gateway, cf_aig_cache_ttl="0")]

    assert [answer.headers["cf-aig-cache-status"] for answer in answers] == ["MISS", "HIT", "MISS"]


@pytest.mark.anyio
@pytest.mark.parametrize("body", [chat("[simulate: overloaded]"), chat(stream=True)])
async def test_failures_and_streams_are_not_cached(tmp_path: Path, body: dict[str, Any]) -> None:
    async with plane(tmp_path) as gateway:
        answers = [await ask(gateway, body, cf_aig_cache_ttl="3600") for _ in range(2)]

    assert [answer.headers["cf-aig-cache-status"] for answer in answers] == ["MISS", "MISS"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('{"user": "alice", "n": 3, "paid": true}', {"user": "alice", "n": 3, "paid": True}),
        ('{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}', {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}),
        ('{"a": 1, "cf.user_id": "x"}', {"a": 1}),
        ('{"a": 1, "b": null}', None),
        ('{"a": 1, "b": {"c": 2}}', None),
        ('{"a": NaN}', None),
        ('{"a": 1e999}', None),
        ('{"a": "\\ud800"}', None),
        ("[1]", None),
        ("{", None),
    ],
)
async def test_metadata_has_five_plain_entries_or_none(tmp_path: Path, given: str, kept: dict[str, Any] | None) -> None:
    async with plane(tmp_path) as gateway:
        await ask(gateway, cf_aig_metadata=given)
        (log,) = await gateway.logs()

    assert log["metadata"] == kept


@pytest.mark.anyio
async def test_a_call_may_leave_no_log_or_no_bodies(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        unlogged = await ask(gateway, cf_aig_collect_log="false")
        bare = await ask(gateway, cf_aig_collect_log_payload="false")
        (log,) = await gateway.logs()
        body = await gateway.manage("GET", f"default/logs/{log['id']}/request")

    assert "cf-aig-log-id" not in unlogged.headers
    assert log["id"] == bare.headers["cf-aig-log-id"]
    assert body.status_code == 404


@pytest.mark.anyio
async def test_a_gateway_without_logs_logs_what_asks_for_it(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await configure(gateway, collect_logs=False)
        await ask(gateway)
        asked = await ask(gateway, cf_aig_collect_log="true")
        (log,) = await gateway.logs()

    assert log["id"] == asked.headers["cf-aig-log-id"]


@pytest.mark.anyio
async def test_an_event_id_comes_back_and_is_logged(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        answer = await ask(gateway, cf_aig_event_id="trace-7")
        (log,) = await gateway.logs()

    assert (answer.headers["cf-aig-event-id"], log["event_id"]) == ("trace-7", "trace-7")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("given", "cost", "custom"),
    [
        ('{"per_token_in": 0.5, "per_token_out": 2}', 6 * 0.5 + 2 * 2, True),
        ('{"per_token_in": 1}', 6.0, True),
        ('{"total_cost": 7.5}', 7.5, True),
        ('{"total_cost": "dear"}', None, True),
        ('{"per_token_in": 1, "per_token_out": 0, "per_cache_read_token": 0.5}', 6.0, True),
    ],
)
async def test_a_caller_may_say_what_a_call_costs(tmp_path: Path, given: str, cost: float | None, custom: bool) -> None:
    async with plane(tmp_path) as gateway:
        await ask(gateway, chat("Go [simulate: tokens=2] "), cf_aig_custom_cost=given)
        (log,) = await gateway.logs()

    assert (log["cost"], log["custom_cost"]) == (cost, custom)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "headers",
    [
        {"cf_aig_cache_ttl": "-5", "cf_aig_request_timeout": "soon", "cf_aig_max_attempts": "many"},
        {"cf_aig_cache_ttl": "9" * 400, "cf_aig_request_timeout": "9" * 400, "cf_aig_max_attempts": "9" * 400},
        {"cf_aig_retry_delay": "-1", "cf_aig_backoff": "sideways", "cf_aig_custom_cost": "{", "cf_aig_skip_cache": "?"},
        {"cf_aig_rate_limit_key": "not in the product"},
    ],
)
async def test_an_invalid_header_is_ignored(tmp_path: Path, headers: dict[str, str]) -> None:
    async with plane(tmp_path) as gateway:
        answer = await ask(gateway, **headers)

    assert answer.status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize("technique", ["fixed", "sliding"])
async def test_calls_over_the_rate_limit_are_refused_and_logged(tmp_path: Path, technique: str) -> None:
    limit = {"rate_limiting_limit": 2, "rate_limiting_interval": 86_400, "rate_limiting_technique": technique}
    async with plane(tmp_path) as gateway:
        await configure(gateway, **limit)
        answers = [await ask(gateway) for _ in range(3)]
        blocked = (await gateway.logs())[0]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["error"] == [{"code": 2003, "message": "Rate limited"}]
    assert "retry-after" not in answers[2].headers
    assert (blocked["status_code"], blocked["cost"], blocked["id"]) == (429, 0, answers[2].headers["cf-aig-log-id"])


@pytest.mark.anyio
async def test_an_authenticated_gateway_asks_for_its_token(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await configure(gateway, authentication=True)
        refused = await ask(gateway)
        let_in = await ask(gateway, cf_aig_authorization="Bearer any")
        (log,) = await gateway.logs()

    assert (refused.status_code, refused.json()["internalCode"]) == (401, 2009)
    assert (let_in.status_code, log["authentication"]) == (200, True)
