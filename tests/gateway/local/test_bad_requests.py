"""Requests that no well-behaved caller sends: each gets a proper error, and the next call works."""

import gzip
import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from plane import ACCOUNT, Plane, chat, plane

COMPAT = "compat/chat/completions"
JSON = {"content-type": "application/json"}


async def still_works(gateway: Plane) -> bool:
    return (await gateway.http.post(COMPAT, json=chat())).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "\xff"}]}',
        b'{"model": "gpt-4o-mini", "n": NaN}',
        b'{"model": "\\ud800", "messages": [{"role": "user", "content": "Hi"}]}',
        b"[" * 100_000,
        gzip.compress(json.dumps(chat(model="gpt-4o-mini")).encode()),
    ],
)
async def test_a_body_that_is_not_json_is_refused_in_the_providers_words(tmp_path: Path, body: bytes) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post("openai/chat/completions", content=body, headers=JSON)
        assert await still_works(gateway)

    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]["message"]


@pytest.mark.anyio
@pytest.mark.parametrize("body", [b"", b"{", b"[[]]", b'{"model": 7}', b'{"model": null}'])
@pytest.mark.parametrize("path", [COMPAT, ""])
async def test_the_gateway_refuses_a_body_without_a_provider(tmp_path: Path, path: str, body: bytes) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(f"{gateway.gateway_url}/{path}", content=body, headers=JSON)
        assert await still_works(gateway)

    assert answer.status_code == 400
    assert answer.json()["name"] == "AiGatewayError"


@pytest.mark.anyio
async def test_a_body_over_25_mb_is_refused(tmp_path: Path) -> None:
    body = json.dumps(chat("x" * (26 << 20))).encode()
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(COMPAT, content=body, headers=JSON)
        assert await still_works(gateway)

    assert answer.status_code == 413
    assert answer.json()["name"] == "AiGatewayError"


@pytest.mark.anyio
async def test_a_log_that_is_too_large_keeps_no_bodies(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(COMPAT, json=chat("x" * (11 << 20)))
        (log,) = await gateway.logs()
        body = await gateway.manage("GET", f"default/logs/{log['id']}/request")

    assert (answer.status_code, body.status_code) == (400, 404)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/v1/{ACCOUNT}/default/openai/..%2f..%2fadmin", 400),
        (f"/v1/{ACCOUNT}/default/openai/%2e%2e/%2e%2e/admin", 400),
        (f"/v1/{ACCOUNT}/default/openai/a%00b", 400),
        (f"/v1/{ACCOUNT}/%2e%2e/openai/chat/completions", 400),
        (f"/v1/{ACCOUNT}/de%00fault/openai/chat/completions", 400),
        (f"/v1/{ACCOUNT}//openai/chat/completions", 404),
        (f"/v1/{ACCOUNT}/default//chat/completions", 404),
        ("/v1/not-an-account/default/openai/chat/completions", 400),
        (f"/v1/{ACCOUNT}/default/openai", 400),
    ],
)
async def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str, status: int) -> None:
    async with plane(tmp_path) as gateway:
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
        host, _, port = gateway.url.removeprefix("http://").partition(":")
        async with await anyio.connect_tcp(host, int(port)) as stream:
            await stream.send(head.encode())
            line = (await stream.receive()).partition(b"\r\n")[0]
        assert await still_works(gateway)

    assert line.startswith(b"HTTP/1.1 %d" % status)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "more",
    [
        {"tools": "none", "tool_choice": "required"},
        {"tools": [{"function": {"name": "f", "parameters": {"$ref": "#"}}}], "tool_choice": "required"},
        {"tools": [{"function": {"name": "f"}}], "tool_choice": {"function": {"name": "g"}}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"minimum": "x", "type": "number"}}}},
        {"response_format": 7, "stream_options": [], "max_tokens": "many", "stream": "yes"},
        {"messages": "Hi"},
        {"messages": [None]},
        {"messages": [{"role": "user", "content": [{"text": 7}, 8, None]}]},
    ],
)
async def test_fields_of_wrong_types_are_not_a_server_error(tmp_path: Path, more: dict[str, Any]) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(COMPAT, json=chat(**more))

    assert answer.status_code in {200, 400}
