"""Who may use the gateway: programs on this machine, but no web page."""

import gzip
from typing import Any

import httpx2
import pytest
from management import ACCOUNT, API, GATEWAYS, LOGS, management

from cf_aig_gateway.local.store import Store

JSON = {"content-type": "application/json"}
CHAT = f"/v1/{ACCOUNT}/default/compat/chat/completions"
DENIED = {
    "success": False,
    "errors": [{"code": 10000, "message": "Authentication error"}],
    "messages": [],
    "result": None,
}


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8787", "LOCALHOST", "[::1]:9", "[::1]"])
async def test_loopback_names_are_let_in(api: httpx2.AsyncClient, host: str) -> None:
    assert (await api.get(GATEWAYS, headers={"host": host})).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8787", "10.0.0.1"])
@pytest.mark.parametrize("path", [GATEWAYS, CHAT])
async def test_another_host_name_is_refused(api: httpx2.AsyncClient, host: str, path: str) -> None:
    answer = await api.get(path, headers={"host": host})

    assert (answer.status_code, answer.json()["success"]) == (403, False)


@pytest.mark.anyio
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://"])
@pytest.mark.parametrize("path", [GATEWAYS, CHAT])
async def test_a_web_page_is_refused(api: httpx2.AsyncClient, origin: str, path: str) -> None:
    answer = await api.post(path, json={}, headers={"origin": origin})

    assert answer.status_code == 403


@pytest.mark.anyio
async def test_a_page_of_this_machine_is_let_in(api: httpx2.AsyncClient) -> None:
    assert (await api.get(GATEWAYS, headers={"origin": "http://localhost:3000"})).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_body_must_be_declared_json(api: httpx2.AsyncClient, content_type: str) -> None:
    answer = await api.patch(f"{LOGS}/x", content=b"{}", headers={"content-type": content_type} if content_type else {})

    assert answer.status_code == 415


@pytest.mark.anyio
async def test_a_compressed_body_is_refused_by_the_name_of_its_encoding(api: httpx2.AsyncClient) -> None:
    answer = await api.post(CHAT, content=gzip.compress(b"{}"), headers={"content-encoding": "gzip", **JSON})

    assert answer.status_code == 415
    assert "without content-encoding 'gzip'" in answer.json()["errors"][0]["message"]


@pytest.mark.anyio
@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/merge-patch+json"])
async def test_every_media_type_of_json_is_accepted(api: httpx2.AsyncClient, content_type: str) -> None:
    answer = await api.patch(f"{LOGS}/x", content=b"{}", headers={"content-type": content_type})

    assert answer.status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize(
    "headers", [{}, {"authorization": ""}, {"authorization": "Bearer "}, {"authorization": "Basic eDp5"}]
)
@pytest.mark.parametrize("path", [GATEWAYS, f"{API}/nothing"])
async def test_a_call_without_a_token_is_refused(api: httpx2.AsyncClient, headers: dict[str, str], path: str) -> None:
    del api.headers["authorization"]

    answer = await api.get(path, headers=headers)

    assert (answer.status_code, answer.json()) == (401, DENIED)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer secret"}, 200),
        ({"authorization": "bearer secret"}, 200),
        ({"authorization": "Bearer other"}, 401),
        ({"authorization": "", "x-auth-email": "a@b", "x-auth-key": "secret"}, 200),
        ({"authorization": "Bearer ü"}, 401),
    ],
)
async def test_only_the_configured_token_is_accepted(store: Store, headers: Any, status: int) -> None:
    async with management(store, token="secret") as api:
        encoded = {name: value.encode() for name, value in headers.items()}

        assert (await api.get(GATEWAYS, headers=encoded)).status_code == status


@pytest.mark.anyio
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "TEXT/PLAIN; charset=x"])
async def test_a_form_or_plain_text_is_refused_for_a_provider(api: httpx2.AsyncClient, content_type: str) -> None:
    answer = await api.post(CHAT, content=b"{}", headers={"content-type": content_type})

    assert answer.status_code == 415


@pytest.mark.anyio
@pytest.mark.parametrize(
    "content_type", ["multipart/form-data; boundary=x", "audio/mpeg", "application/octet-stream", ""]
)
@pytest.mark.parametrize(
    "page",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://localhost.evil.test"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_a_web_page_cannot_send_a_file(api: httpx2.AsyncClient, content_type: str, page: dict[str, str]) -> None:
    kind = {"content-type": content_type} if content_type else {}

    answer = await api.post(CHAT, content=b"x", headers=kind | page)

    assert answer.status_code == 403


@pytest.mark.anyio
@pytest.mark.parametrize("site", ["none", "same-origin"])
async def test_a_person_and_a_page_of_the_gateway_itself_are_let_in(api: httpx2.AsyncClient, site: str) -> None:
    assert (await api.get(GATEWAYS, headers={"sec-fetch-site": site})).status_code == 200
