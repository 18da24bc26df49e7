"""The universal endpoint: steps tried in order, and the caller's options for retries and timeouts."""

from pathlib import Path
from typing import Any

import pytest
from plane import Plane, chat, plane

SKY = [{"role": "user", "content": "Why is the sky blue?"}]
VERSION = {"anthropic-version": "2023-06-01"}


def steps(first: str = "Why is the sky blue?", **config: Any) -> list[dict[str, Any]]:
    """Return Claude, then GPT-4, as in the product's documentation."""
    claude = {"model": "claude-sonnet-4-20250514", "max_tokens": 64, "messages": [{"role": "user", "content": first}]}
    gpt = {"model": "gpt-4", "messages": SKY}
    return [
        {"provider": "anthropic", "endpoint": "v1/messages", "headers": VERSION, "query": claude, "config": config},
        {"provider": "openai", "endpoint": "chat/completions", "headers": {}, "query": gpt},
    ]


async def ask(gateway: Plane, body: Any, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await gateway.http.post(gateway.gateway_url, json=body, headers=named)


@pytest.mark.anyio
async def test_the_first_step_answers_when_it_can(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        answer = await ask(gateway, steps())
        slashed = await gateway.http.post(gateway.gateway_url + "/", json=steps())
        logs = await gateway.logs()

    assert (answer.status_code, answer.headers["cf-aig-step"]) == (200, "0")
    assert answer.json()["type"] == "message"
    assert slashed.status_code == 200
    assert [log["provider"] for log in logs] == ["anthropic", "anthropic"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("first", "config", "status"),
    [("[simulate: overloaded]", {}, 529), ("[simulate: hang]", {"requestTimeout": 50}, 504)],
)
async def test_the_second_step_answers_when_the_first_fails(
    tmp_path: Path, first: str, config: dict[str, Any], status: int
) -> None:
    async with plane(tmp_path) as gateway:
        answer = await ask(gateway, steps(first, **config))
        second, failed = await gateway.logs()

    assert (answer.status_code, answer.headers["cf-aig-step"]) == (200, "1")
    assert answer.json()["model"] == "gpt-4"
    assert answer.headers["cf-aig-log-id"] == second["id"]
    assert (second["step"], second["model"], second["success"]) == (1, "openai/gpt-4", True)
    assert (failed["step"], failed["status_code"], failed["success"]) == (0, status, False)


@pytest.mark.anyio
async def test_a_steps_headers_come_before_the_requests(tmp_path: Path) -> None:
    body = steps("[simulate: hang]", requestTimeout=60_000)
    body[0]["headers"] = {**VERSION, "cf-aig-request-timeout": "50"}
    async with plane(tmp_path) as gateway:
        answer = await ask(gateway, body, cf_aig_request_timeout="90000")

    assert answer.headers["cf-aig-step"] == "1"


@pytest.mark.anyio
async def test_the_last_step_is_returned_when_all_fail(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        answer = await ask(gateway, steps("[simulate: rate_limited]")[:1] * 2)

    assert (answer.status_code, answer.headers["cf-aig-step"]) == (429, "1")


@pytest.mark.anyio
async def test_fifty_steps_are_tried(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        answer = await ask(gateway, steps("[simulate: overloaded]")[:1] * 50)

    assert answer.headers["cf-aig-step"] == "49"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], 7003),
        ([[]], 7003),
        ({}, 7003),
        (["x"], 7003),
        ([{"provider": "openai"}], 7003),
        ([{"provider": "nowhere", "endpoint": "x"}], 2008),
        (steps()[:1] * 51, 7003),
    ],
)
async def test_a_body_that_is_not_an_array_of_steps_is_refused(tmp_path: Path, body: Any, code: int) -> None:
    async with plane(tmp_path) as gateway:
        answer = await ask(gateway, body)

    assert (answer.status_code, answer.json()["internalCode"]) == (400, code)


@pytest.mark.anyio
async def test_a_timeout_of_a_single_call_is_an_error(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(
            "compat/chat/completions", json=chat("[simulate: hang]"), headers={"cf-aig-request-timeout": "50"}
        )
        (log,) = await gateway.logs()

    assert (answer.status_code, answer.json()["internalCode"]) == (504, 2005)
    assert (log["status_code"], log["id"]) == (504, answer.headers["cf-aig-log-id"])


@pytest.mark.anyio
@pytest.mark.parametrize(("backoff", "least_ms"), [("constant", 60), ("linear", 90), ("exponential", 90)])
async def test_a_call_is_retried_with_the_requested_backoff(tmp_path: Path, backoff: str, least_ms: int) -> None:
    asked = {"cf-aig-max-attempts": "3", "cf-aig-retry-delay": "30", "cf-aig-backoff": backoff}
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post("compat/chat/completions", json=chat("[simulate: overloaded]"), headers=asked)
        (log,) = await gateway.logs()

    assert answer.status_code == 503
    assert log["duration"] >= least_ms


@pytest.mark.anyio
async def test_a_timed_out_attempt_is_retried_but_not_an_unsimulated_provider(tmp_path: Path) -> None:
    asked = {"cf-aig-max-attempts": "2", "cf-aig-retry-delay": "0", "cf-aig-request-timeout": "150"}
    async with plane(tmp_path) as gateway:
        slow = await gateway.http.post("compat/chat/completions", json=chat("Go [simulate: delay=300]"), headers=asked)
        unknown = await gateway.http.post("openai/images/generations", json=chat(), headers=asked)
        logs = await gateway.logs()

    assert slow.status_code == 200
    assert logs[1]["duration"] >= 450
    assert unknown.status_code == 501
