"""Calls through the gateway over a real socket, and the logs they leave."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from plane import chat, plane

SKY = {"messages": [{"role": "user", "content": "Why is the sky blue?"}]}
CLAUDE = {"model": "claude-sonnet-4-20250514", "max_tokens": 100, **SKY}
LLAMA = "@cf/meta/llama-3.1-8b-instruct"
VERSION = {"anthropic-version": "2023-06-01"}
COMPAT = "compat/chat/completions"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "body", "headers", "provider", "model"),
    [
        (COMPAT, chat(), {}, "openai", "openai/gpt-4o-mini"),
        (COMPAT, chat(model="anthropic/claude-sonnet-4-5"), {}, "anthropic", "anthropic/claude-sonnet-4-5"),
        ("openai/chat/completions", chat(model="gpt-4o-mini"), {}, "openai", "openai/gpt-4o-mini"),
        ("openai/v1/chat/completions", chat(model="gpt-4o-mini"), {}, "openai", "openai/gpt-4o-mini"),
        ("anthropic/v1/messages", CLAUDE, VERSION, "anthropic", "anthropic/claude-sonnet-4-20250514"),
        (f"workers-ai/{LLAMA}", SKY, {}, "workers-ai", LLAMA),
        (f"workers-ai/{LLAMA}", {"prompt": "Why?"}, {}, "workers-ai", LLAMA),
        ("workers-ai/v1/chat/completions", chat(model=LLAMA), {}, "workers-ai", LLAMA),
    ],
)
async def test_a_call_is_answered_and_logged_with_its_bodies(
    tmp_path: Path, path: str, body: dict[str, Any], headers: dict[str, str], provider: str, model: str
) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(path, json=body, headers=headers)
        (log,) = await gateway.logs()
        asked = await gateway.stored(log["id"], "request")
        replied = await gateway.stored(log["id"], "response")

    assert answer.status_code == 200, answer.text
    assert answer.headers["cf-aig-log-id"] == answer.headers["cf-aig-event-id"] == log["id"]
    assert (answer.headers["cf-aig-cache-status"], answer.headers["cf-aig-step"]) == ("MISS", "0")
    assert (log["provider"], log["model"], log["status_code"], log["success"]) == (provider, model, 200, True)
    assert json.loads(asked) == body
    assert replied == answer.content
    assert log["tokens_in"] > 0
    assert log["tokens_out"] > 0
    assert log["cost"] > 0


@pytest.mark.anyio
async def test_the_management_host_answers_for_the_gateway_in_a_header(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        url = f"{gateway.rest_url}/v1/chat/completions"
        headers = {"authorization": "Bearer any-invalid-token-is-cloudflares"}
        known = await gateway.http.post(url, json=chat(), headers=headers)
        missing = await gateway.http.post(url, json=chat(), headers={**headers, "cf-aig-gateway-id": "nowhere"})
        (log,) = await gateway.logs()

    assert known.status_code == 200
    assert log["id"] == known.headers["cf-aig-log-id"]
    assert missing.json()["error"][0]["code"] == 2001


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("directive", "status", "code"),
    [
        ("bad_key", 401, "invalid_api_key"),
        ("unknown_model", 404, "model_not_found"),
        ("context_too_long", 400, "context_length_exceeded"),
        ("rate_limited", 429, "rate_limit_exceeded"),
        ("overloaded", 503, "overloaded"),
        ("server_error", 500, None),
    ],
)
async def test_openai_fails_in_its_own_words_on_request(
    tmp_path: Path, directive: str, status: int, code: str | None
) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(COMPAT, json=chat(f"Hi [simulate: {directive}]"))
        (log,) = await gateway.logs()

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert (log["status_code"], log["success"], log["cost"]) == (status, False, 0)
    assert log["id"] == answer.headers["cf-aig-log-id"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("directive", "status", "kind"),
    [
        ("bad_key", 401, "authentication_error"),
        ("unknown_model", 404, "not_found_error"),
        ("context_too_long", 400, "invalid_request_error"),
        ("rate_limited", 429, "rate_limit_error"),
        ("overloaded", 529, "overloaded_error"),
        ("server_error", 500, "api_error"),
    ],
)
async def test_anthropic_fails_in_its_own_words_on_request(
    tmp_path: Path, directive: str, status: int, kind: str
) -> None:
    body = {**CLAUDE, "messages": [{"role": "user", "content": f"Hi [simulate: {directive}]"}]}
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post("anthropic/v1/messages", json=body, headers=VERSION)

    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("directive", "status", "code"),
    [
        ("bad_key", 401, 10000),
        ("unknown_model", 400, 5007),
        ("context_too_long", 413, 5021),
        ("rate_limited", 429, 3036),
        ("overloaded", 429, 3040),
        ("server_error", 500, 3043),
    ],
)
async def test_workers_ai_fails_in_its_own_words_on_request(
    tmp_path: Path, directive: str, status: int, code: int
) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(f"workers-ai/{LLAMA}", json={"prompt": f"Hi [simulate: {directive}]"})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (chat(), {"authorization": "Bearer sk-invalid"}, 401, "invalid_api_key"),
        (chat(model="openai/gpt-nowhere"), {}, 404, "model_not_found"),
        (chat("word " * 12_000, model="openai/gpt-4"), {}, 400, "context_length_exceeded"),
        ({"model": "openai/gpt-4o-mini"}, {}, 400, "missing_required_parameter"),
        (chat(messages=[]), {}, 400, "invalid_type"),
        (chat(messages=[{"role": "wizard"}]), {}, 400, "invalid_type"),
    ],
)
async def test_a_real_cause_fails_as_at_the_provider(
    tmp_path: Path, body: dict[str, Any], headers: dict[str, str], status: int, code: str
) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(COMPAT, json=body, headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.anyio
async def test_anthropic_names_the_field_that_is_missing(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        for name in ("model", "max_tokens"):
            body = {key: value for key, value in CLAUDE.items() if key != name}
            answer = await gateway.http.post("anthropic/v1/messages", json=body, headers=VERSION)
            assert (answer.status_code, answer.json()["error"]["message"]) == (400, f"{name}: Field required")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "model", "code", "status"),
    [
        ("nowhere/chat/completions", "x", 2008, 400),
        ("No_Where/chat/completions", "x", 2008, 400),
        (COMPAT, "nowhere/x", 2008, 400),
        (COMPAT, LLAMA, 2005, 502),
        ("openai/images/generations", "gpt-image-1", 2005, 501),
    ],
)
async def test_the_gateway_refuses_in_its_own_shape(
    tmp_path: Path, path: str, model: str, code: int, status: int
) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(path, json=chat(model=model))

    body = answer.json()
    assert answer.status_code == body["httpCode"] == status
    assert body["error"] == [{"code": code, "message": body["message"]}]
    assert (body["success"], body["result"], body["messages"], body["name"]) == (False, [], [], "AiGatewayError")


@pytest.mark.anyio
async def test_a_gateway_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        url = httpx2.URL(gateway.gateway_url.replace("/default", "/nowhere") + f"/{COMPAT}")
        answer = await gateway.http.post(url, json=chat())

    assert (answer.status_code, answer.json()["internalCode"]) == (400, 2001)


@pytest.mark.anyio
async def test_a_reply_has_the_requested_length(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        long = await gateway.http.post(COMPAT, json=chat("Go [simulate: tokens=500]"))
        cut = await gateway.http.post(COMPAT, json=chat("Go [simulate: tokens=500]", max_tokens=20))

    assert long.json()["usage"]["completion_tokens"] == 500
    assert cut.json()["usage"]["completion_tokens"] == 20
    assert cut.json()["choices"][0]["finish_reason"] == "length"
