"""MCP Apps: what a client that shows pages is offered in addition, and that no other client sees any of it."""

import json
import os
from pathlib import Path
from typing import Any

import httpx2
import pytest
from logs import a_log
from mcp import Client
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.shared.exceptions import MCPError
from mcp.types import TextResourceContents
from serving import serving
from showing import CAPABILITIES, drawn, refused, showing

from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.definitions import definition
from cf_aig_server.page import files
from cf_aig_server.page.extension import SHOWN, URI
from cf_aig_server.registration import APP_MIME, APPS
from cf_aig_server.settings import Settings
from cf_aig_server.transports.http import http_app
from cf_aig_tools import DEFINITIONS, OF_THE_PAGE, TOOLS

pytestmark = pytest.mark.anyio

ERAS = ["2025-11-25", "2026-07-28"]
MODES = {"2025-11-25": "legacy", "2026-07-28": "auto"}
ACCEPT = {"accept": "application/json, text/event-stream"}
REQUESTS: list[dict[str, Any]] = [
    {"method": "tools/list"},
    {"method": "resources/list"},
    {"method": "resources/templates/list"},
    {"method": "prompts/list"},
    {"method": "tools/call", "params": {"name": "list_gateways", "arguments": {}}},
    {"method": "tools/call", "params": {"name": "list_logs", "arguments": {}}},
    {"method": "resources/read", "params": {"uri": URI}},
    {"method": "tools/call", "params": {"name": "page_logs", "arguments": {}}},
]


def handshake(capabilities: dict[str, Any]) -> dict[str, Any]:
    who = {"name": "test", "version": "0"}
    return {
        "method": "initialize",
        "params": {"protocolVersion": ERAS[0], "capabilities": capabilities, "clientInfo": who},
    }


def modern(request: dict[str, Any], capabilities: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a request of the newer protocol, with its headers."""
    prefix = "io.modelcontextprotocol"
    meta = {f"{prefix}/protocolVersion": ERAS[1], f"{prefix}/clientCapabilities": capabilities}
    meta |= {f"{prefix}/clientInfo": {"name": "test", "version": "0"}}
    params = request.get("params", {})
    headers = {"mcp-protocol-version": ERAS[1], "mcp-method": request["method"]}
    if name := params.get("name") or params.get("uri"):
        headers["mcp-name"] = name
    return request | {"params": params | {"_meta": meta}}, headers


async def answers(era: str, capabilities: dict[str, Any], file: Path, *, without_page: bool) -> list[str]:
    """Return all answers to a client over HTTP; `without_page`: from the server without the extension."""
    settings = Settings(local=str(file))  # pyright: ignore[reportCallIssue]
    server = build_server(settings)
    if without_page:
        server.middleware[:] = [each for each in server.middleware if "show_page" not in str(each)]
        assert len(server.middleware) == len(build_server(settings).middleware) - 1
    said: list[str] = []
    async with serving(http_app(server, settings, "http", "127.0.0.1"), "on") as url, httpx2.AsyncClient() as http:
        for request in [*([handshake(capabilities)] if era == ERAS[0] else []), *REQUESTS]:
            sent, headers = modern(request, capabilities) if era == ERAS[1] else (request, {})
            body = {"jsonrpc": "2.0", "id": 1, **sent}
            answer = await http.post(f"{url}/mcp", json=body, headers=ACCEPT | headers)
            said.append(f"{answer.status_code} {answer.headers.get('mcp-session-id')} {answer.text}")
    return said


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("capabilities", [{}, {"extensions": {APPS: {"mimeTypes": ["text/html"]}}}])
async def test_a_client_that_shows_no_pages_gets_identical_answers(
    era: str, capabilities: dict[str, Any], store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "gateway.db"

    with_page = await answers(era, capabilities, file, without_page=False)

    assert with_page == await answers(era, capabilities, file, without_page=True)
    assert not any(held in said for said in with_page[:-2] for held in ("ui://cf-aig", "page_logs", APPS))
    assert "Unknown tool: page_logs" in with_page[-1]


def test_the_names_of_the_extension_are_those_of_the_sdk() -> None:
    assert (APPS, APP_MIME) == (EXTENSION_ID, APP_MIME_TYPE)


@pytest.mark.parametrize("era", ERAS)
async def test_tools_name_the_page_and_its_own_tools_are_only_for_it(era: str, store: Store, tmp_path: Path) -> None:
    local = str(tmp_path / "gateway.db")
    async with showing(mode=MODES[era], local=local) as client, Client(build_server(Settings(local=local))) as other:
        extensions = client.server_capabilities.extensions
        tools = (await client.list_tools()).tools
        plain = (await other.list_tools()).tools

    assert extensions and extensions[APPS] == {}
    assert [tool.name for tool in tools] == [*TOOLS, *OF_THE_PAGE]
    assert {tool.name for tool in tools if tool.meta == {"ui": {"resourceUri": URI}}} == SHOWN
    own = {"ui": {"resourceUri": URI, "visibility": ["app"]}}
    assert [tool.name for tool in tools if tool.meta == own] == [*OF_THE_PAGE]
    assert [tool.model_copy(update={"meta": None}) for tool in tools[: len(TOOLS)]] == plain
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools[len(TOOLS) :])


@pytest.mark.parametrize("era", ERAS)
async def test_the_page_is_a_resource_without_network_access(era: str, store: Store, tmp_path: Path) -> None:
    async with showing(mode=MODES[era], local=str(tmp_path / "gateway.db")) as client:
        listed = (await client.list_resources()).resources
        [held] = (await client.read_resource(URI)).contents

    page = listed[-1]
    assert (page.uri, page.mime_type) == (URI, APP_MIME)
    assert isinstance(held, TextResourceContents)
    assert (held.mime_type, held.text) == (APP_MIME, files.page().text)
    none: list[str] = []
    csp = {"connectDomains": none, "resourceDomains": none, "frameDomains": none, "baseUriDomains": none}
    for meta in (page.meta, held.meta):
        assert meta == {"ui": {"csp": csp, "permissions": {"clipboardWrite": {}}}}


@pytest.mark.parametrize("name", OF_THE_PAGE)
def test_a_tool_of_the_page_is_offered_as_its_code_defines_it(name: str) -> None:
    file = DEFINITIONS / f"{name}.json"
    made = definition(name).model_dump(mode="json", by_alias=True, exclude_none=True)
    written = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(written)

    assert file.read_text() == written
    assert "outputSchema" not in made


@pytest.mark.parametrize(
    ("switches", "own"),
    [
        ({"read_only": True}, [*OF_THE_PAGE]),
        ({"tools": "list_logs"}, ["page_logs"]),
        ({"tools": "summarize_logs,trace_run"}, ["page_overview", "page_run"]),
        ({"tools": "get_log_details,get_log_request_body"}, []),
        ({"tools": "get_log_response_body,get_log_request_body"}, ["page_body"]),
        ({"tools": "list_gateways"}, []),
    ],
)
async def test_a_tool_that_is_not_offered_is_not_drawn_either(
    switches: dict[str, Any], own: list[str], store: Store, tmp_path: Path
) -> None:
    async with showing(local=str(tmp_path / "gateway.db"), **switches) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        for name in OF_THE_PAGE:
            if name not in own:
                with pytest.raises(MCPError, match=f"Unknown tool: {name}"):
                    await client.call_tool(name, {})

    assert [name for name in names if name not in TOOLS] == own


async def test_a_gateway_that_is_not_allowed_is_refused_everywhere(store: Store, tmp_path: Path) -> None:
    await store.add(a_log(1))
    asked: dict[str, dict[str, Any]] = {name: {} for name in OF_THE_PAGE}
    asked |= {name: {"log_id": "x"} for name in ("page_log", "page_body", "page_run")}
    async with showing(local=str(tmp_path / "gateway.db"), allow="main", gateway_id="main") as client:
        said = [await refused(client, name, gateway_id="default", **more) for name, more in asked.items()]
        every = await drawn(client, "page_overview", group_by="gateway", start_date="2026-11-21")

    assert {*said} == {"Gateway default is not allowed. Allowed: main."}
    assert every["totals"]["calls"] == 0


async def test_bad_arguments_are_worded_as_everywhere(store: Store, tmp_path: Path) -> None:
    async with showing(local=str(tmp_path / "gateway.db")) as client:
        assert await refused(client, "page_logs", limit=501) == "limit must be at most 500 (got 501)."
        assert await refused(client, "page_logs", limt=5) == "Unknown argument limt: did you mean limit?"
        assert "cursor" in await refused(client, "page_logs", cursor="3@yesterday")
        assert "No log" in await refused(client, "page_log", log_id="none")
        assert "Give log_id, or metadata" in await refused(client, "page_run")


async def test_stateless_http_remembers_a_clients_handshake(store: Store, tmp_path: Path) -> None:
    settings = Settings(local=str(tmp_path / "gateway.db"))  # pyright: ignore[reportCallIssue]
    app = http_app(build_server(settings), settings, "http", "127.0.0.1")
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    async with serving(app, "on") as url, httpx2.AsyncClient(headers=ACCEPT) as http:
        begun = await http.post(f"{url}/mcp", json={"jsonrpc": "2.0", "id": 1, **handshake(CAPABILITIES)})
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        listed = await http.post(f"{url}/mcp", json=listing, headers=session)
        plain = await http.post(f"{url}/mcp", json=listing)
        other = await http.post(f"{url}/mcp", json=listing, headers={"mcp-session-id": "another"})

    assert APPS in begun.text
    assert "page_logs" in listed.text
    assert plain.text == other.text
    assert "page_logs" not in plain.text


async def test_lists_for_the_page_are_not_kept_for_other_clients(store: Store, tmp_path: Path) -> None:
    async with showing(local=str(tmp_path / "gateway.db")) as client:
        lists = [await client.list_tools(), await client.list_resources()]

    assert {each.cache_scope for each in lists} == {"private"}
