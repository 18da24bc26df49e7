"""The server card: the facts of server.json, at this server's own address, for clients that aren't connected yet."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from mcp import Client
from serving import serving

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_server.transports.card import ABOUT
from cf_aig_server.transports.http import http_app

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent
WELL_KNOWN = "/.well-known/mcp/server-card.json"
TYPE = "application/mcp-server-card+json"


@asynccontextmanager
async def served(kind: Literal["http", "sse"] = "http", **settings: Any) -> AsyncGenerator[httpx2.AsyncClient]:
    configured = Settings(**settings)
    app = http_app(build_server(configured), configured, kind, "127.0.0.1")
    async with serving(app, "on") as url, httpx2.AsyncClient(base_url=url) as http:
        yield http


def test_it_says_what_server_json_says() -> None:
    server = json.loads((ROOT / "server.json").read_bytes())
    manifest = json.loads((ROOT / "manifest.json").read_bytes())

    assert {name: ABOUT[name] for name in ABOUT if name != "$schema"} == {
        name: server[name] for name in ("name", "title", "description", "version")
    }
    assert (ABOUT["title"], ABOUT["description"]) == (manifest["display_name"], manifest["description"])


@pytest.mark.parametrize("path", [WELL_KNOWN, "/mcp/server-card"])
async def test_it_leads_a_client_to_the_server(path: str, tmp_path: Path) -> None:
    async with served(local=str(tmp_path / "g.db")) as http:
        answer = await http.get(path, headers={"accept": TYPE})
        (remote,) = answer.json()["remotes"]
        async with Client(remote["url"]) as client:
            info = client.server_info
            version = client.protocol_version

    assert (answer.status_code, answer.headers["content-type"]) == (200, TYPE)
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.json() == ABOUT | {"remotes": [remote]}
    assert (remote["type"], remote["url"]) == ("streamable-http", str(http.base_url.join("/mcp")))
    assert version in remote["supportedProtocolVersions"]
    assert "headers" not in remote
    assert info
    assert (info.version, info.title) == (ABOUT["version"], ABOUT["title"])


async def test_it_needs_no_token_and_says_that_calls_do() -> None:
    async with served(http_token="correct-horse", http_hosts="mcp.example.com") as http:
        answer = await http.get(WELL_KNOWN, headers={"host": "mcp.example.com"})
        refused = await http.post("/mcp", json={})

    (remote,) = answer.json()["remotes"]
    (header,) = remote["headers"]
    assert remote["url"] == "https://mcp.example.com/mcp"
    assert (header["name"], header["value"], header["isRequired"]) == ("Authorization", "Bearer {token}", True)
    assert "correct-horse" not in answer.text
    assert refused.status_code == 401


async def test_sse_has_a_card_of_its_own() -> None:
    async with served("sse") as http:
        cards = [(await http.get(path)).json() for path in (WELL_KNOWN, "/sse/server-card")]

    assert cards[0] == cards[1]
    assert (cards[0]["remotes"][0]["type"], cards[0]["remotes"][0]["url"]) == (
        "sse",
        str(http.base_url.join("/sse")),
    )


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", WELL_KNOWN, {"host": "evil.example"}, 421),
        ("GET", WELL_KNOWN, {"origin": "https://evil.example"}, 403),
        ("POST", WELL_KNOWN, {}, 405),
        ("HEAD", WELL_KNOWN, {}, 200),
        ("GET", f"{WELL_KNOWN}/x", {}, 401),
        ("GET", "/mcp/server-card/../x", {}, 401),
    ],
)
async def test_it_is_read_through_the_door(method: str, path: str, headers: dict[str, str], status: int) -> None:
    async with served(http_token="t") as http:
        answer = await http.request(method, path, headers=headers)

    assert answer.status_code == status
    assert (TYPE in answer.headers["content-type"]) == (status == 200)
