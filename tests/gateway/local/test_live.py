"""Calls forwarded to a provider over HTTP, and how the gateway deals with misbehaving providers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import pytest
from plane import Plane, chat, plane
from upstream import Fake, fake_provider

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers.live import Live, url_of

KEY = "Bearer sk-a-key-that-must-stay-out-of-the-log"


@asynccontextmanager
async def forwarding(folder: Path, behaviour: str, *providers: str) -> AsyncGenerator[tuple[Plane, Fake]]:
    """Serve a gateway whose providers are the fake one."""
    async with (
        fake_provider(behaviour) as fake,
        Live(dict.fromkeys(providers or ["openai"], f"{fake.url}/v1")) as live,
        plane(folder, upstream=live) as gateway,
    ):
        yield gateway, fake


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["openai/chat/completions?a=b", "openai/v1/chat/completions?a=b"])
async def test_a_call_goes_out_as_it_came_with_the_callers_key_alone(tmp_path: Path, path: str) -> None:
    headers = {"authorization": KEY, "cf-aig-metadata": '{"a": 1}', "cf-aig-authorization": "Bearer cf"}
    async with forwarding(tmp_path, "json") as (gateway, fake):
        answer = await gateway.http.post(path, json=chat(model="gpt-4o-mini"), headers=headers)
        (log,) = await gateway.logs()
        detail = await gateway.manage("GET", f"default/logs/{log['id']}")

    (sent,) = fake.requests
    assert sent.startswith(b"POST /v1/chat/completions?a=b HTTP/1.1\r\n")
    assert KEY.encode() in sent
    assert b"cf-aig" not in sent.lower()
    assert answer.json()["usage"]["prompt_tokens"] == 3
    assert (log["tokens_in"], log["tokens_out"], log["status_code"]) == (3, 4, 200)
    assert "sk-a-key" not in detail.text


@pytest.mark.anyio
async def test_a_providers_cookies_go_to_nobody(tmp_path: Path) -> None:
    async with forwarding(tmp_path, "json") as (gateway, fake):
        answers = [await gateway.http.post("openai/responses", json={}) for _ in range(2)]

    assert [b"cookie" in request.lower() for request in fake.requests] == [False, False]
    assert ["set-cookie" in answer.headers for answer in answers] == [False, False]


@pytest.mark.anyio
async def test_a_providers_headers_are_passed_on_byte_by_byte(tmp_path: Path) -> None:
    async with forwarding(tmp_path, "json") as (gateway, _):
        answer = await gateway.http.post("openai/responses", json={})

    assert (b"x-note", "→".encode()) in answer.headers.raw


@pytest.mark.anyio
async def test_headers_of_the_callers_connection_stay_with_it(tmp_path: Path) -> None:
    headers = {"expect": "100-continue", "te": "trailers", "proxy-authorization": "Basic x", "x-own": "kept"}
    async with forwarding(tmp_path, "json") as (gateway, fake):
        await gateway.http.post("openai/responses", json={}, headers=headers)

    (sent,) = fake.requests
    assert b"x-own: kept" in sent
    assert not any(b"\r\n%b:" % name in sent.lower() for name in (b"expect", b"te", b"proxy-authorization"))


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "value"), [("a b", "c"), ("", "c"), ("a", "b\r\nc: d"), ("a\nb", "c")])
async def test_a_step_cannot_slip_a_header_in(tmp_path: Path, name: str, value: str) -> None:
    step = {"provider": "openai", "endpoint": "responses", "headers": {name: value}, "query": {}}
    async with forwarding(tmp_path, "json") as (gateway, fake):
        answer = await gateway.http.post("", json=[step])

    assert (answer.status_code, fake.requests) == (400, [])


@pytest.mark.anyio
async def test_a_custom_provider_is_logged_under_its_slug(tmp_path: Path) -> None:
    async with forwarding(tmp_path, "json", "custom-ollama") as (gateway, fake):
        native = await gateway.http.post("custom-ollama/v1/chat/completions", json=chat(model="llama3"))
        compat = await gateway.http.post("compat/chat/completions", json=chat(model="custom-ollama/llama3"))
        unknown = await gateway.http.post("custom-other/v1/chat/completions", json=chat(model="llama3"))
        logs = await gateway.logs()

    assert (native.status_code, compat.status_code, unknown.status_code) == (200, 200, 400)
    assert all(request.startswith(b"POST /v1/chat/completions HTTP/1.1") for request in fake.requests)
    assert [log["model"] for log in logs[1:]] == ["custom-ollama/llama3"] * 2
    assert logs[1]["cost"] is None


@pytest.mark.anyio
async def test_providers_without_a_url_stay_simulated(tmp_path: Path) -> None:
    async with forwarding(tmp_path, "json") as (gateway, fake):
        answer = await gateway.http.post("compat/chat/completions", json=chat(model="groq/llama-3.1-8b-instant"))

    assert answer.json()["choices"][0]["message"]["content"].startswith("Simulated")
    assert fake.requests == []


@pytest.mark.anyio
@pytest.mark.parametrize("behaviour", ["html", "redirect", "status", "encoding", "garbage", "short"])
async def test_an_invalid_answer_is_the_gateways_error(tmp_path: Path, behaviour: str) -> None:
    async with forwarding(tmp_path, behaviour) as (gateway, _):
        answer = await gateway.http.post("openai/chat/completions", json=chat(model="gpt-4o-mini"))
        (log,) = await gateway.logs()

    assert (answer.status_code, answer.json()["internalCode"]) == (502, 2005)
    assert (log["status_code"], log["success"]) == (502, False)


@pytest.mark.anyio
async def test_a_provider_that_is_not_there_is_the_gateways_error(tmp_path: Path) -> None:
    async with Live({"openai": "http://127.0.0.1:1"}) as live, plane(tmp_path, upstream=live) as gateway:
        answer = await gateway.http.post("openai/chat/completions", json=chat(model="gpt-4o-mini"))

    assert (answer.status_code, answer.json()["internalCode"]) == (502, 2005)


@pytest.mark.anyio
@pytest.mark.parametrize(("behaviour", "status"), [("stream", 200), ("half", 502), ("reset", 502)])
async def test_a_stream_is_logged_by_how_it_ended(tmp_path: Path, behaviour: str, status: int) -> None:
    passed = b""
    async with forwarding(tmp_path, behaviour) as (gateway, _):
        try:
            async with gateway.http.stream("POST", "openai/chat/completions", json=chat(stream=True)) as answer:
                async for chunk in answer.aiter_raw():
                    passed += chunk
        except httpx2.RemoteProtocolError:
            assert behaviour == "reset"
        (log,) = await gateway.logs()

    assert log["status_code"] == status
    assert passed.startswith(b'data: {"choices":[{"delta":{"content":"Hi"}}]}')


@pytest.mark.anyio
async def test_a_stream_too_large_to_store_is_logged_with_its_usage(tmp_path: Path) -> None:
    async with forwarding(tmp_path, "large") as (gateway, _):
        answer = await gateway.http.post("openai/chat/completions", json=chat(stream=True))
        (log,) = await gateway.logs()
        stored = await gateway.manage("GET", f"default/logs/{log['id']}/response")

    assert len(answer.content) > 10 << 20
    assert (log["status_code"], log["tokens_out"], stored.status_code) == (200, 4, 404)


@pytest.mark.anyio
async def test_a_caller_who_disconnects_ends_the_call_upstream(tmp_path: Path) -> None:
    async with forwarding(tmp_path, "hang") as (gateway, fake):
        with pytest.raises(httpx2.ReadTimeout):
            await gateway.http.post("openai/chat/completions", json=chat(model="gpt-4o-mini"), timeout=0.3)
        with anyio.fail_after(5):
            await fake.left.wait()


@pytest.mark.anyio
async def test_an_unused_answer_is_not_awaited(tmp_path: Path) -> None:
    async with forwarding(tmp_path, "busy") as (gateway, fake):
        with pytest.raises(httpx2.ReadTimeout):
            await gateway.http.post(
                "openai/responses", json={}, headers={"cf-aig-max-attempts": "2"}, timeout=httpx2.Timeout(5, read=1)
            )
        with anyio.fail_after(5):
            await fake.left.wait()
        assert len(fake.requests) == 2


@pytest.mark.anyio
async def test_the_environments_proxy_is_used_for_the_hosts_it_covers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fake_provider("json") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removeprefix("http://"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        live = Live({"openai": "http://behind.invalid/v1", "groq": "http://127.0.0.1:1/v1"})
        async with live, plane(tmp_path, upstream=live) as gateway:
            through = await gateway.http.post("openai/responses", json={})
            direct = await gateway.http.post("groq/responses", json={})

    (sent,) = proxy.requests
    assert sent.startswith(b"POST http://behind.invalid/v1/responses HTTP/1.1")
    assert (through.status_code, direct.status_code) == (200, 502)


@pytest.mark.parametrize(
    ("base", "provider", "endpoint", "url"),
    [
        ("http://h/v1", "openai", "v1/chat/completions", "http://h/v1/chat/completions"),
        ("http://h/v1/", "anthropic", "v1/messages", "http://h/v1/messages"),
        ("http://h", "anthropic", "v1/messages", "http://h/v1/messages"),
        ("http://h/ai", "workers-ai", "@cf/meta/llama-3", "http://h/ai/run/@cf/meta/llama-3"),
        ("http://h", "openai", "a b", "http://h/a%20b"),
    ],
)
def test_a_path_is_appended_without_doubling_v1(base: str, provider: str, endpoint: str, url: str) -> None:
    assert url_of(base, Call(provider=provider, endpoint=endpoint)) == url
