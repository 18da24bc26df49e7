"""The page on a port: the `ui` command, and the local gateway's own address, with access control."""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from logs import a_log
from showing import CAPABILITIES

from cf_aig_gateway.local.store import Store
from cf_aig_server.page.files import host, page

ACCEPT = {"accept": "application/json, text/event-stream"}
CHAT = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}


@contextmanager
def running(command: str, *options: str) -> Generator[str]:
    """Start a command on a free port, and yield its first output. Afterwards it must exit cleanly."""
    arguments = [sys.executable, "-m", "cf_aig_server", command, "--port", "0", *options]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        try:
            yield (process.stdout if command == "ui" else process.stderr).readline().strip()
        finally:
            process.terminate()
            assert process.wait(20) == 0


def called(http: httpx2.Client, method: str, session: dict[str, str] | None = None, **params: Any) -> Any:
    """Return the result of one request over Streamable HTTP, and the headers of its answer."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = http.post("/mcp", json=body, headers=ACCEPT | (session or {}))
    assert answer.status_code == 200, answer.text
    data = next(line for line in answer.text.splitlines() if line.startswith("data: "))
    return json.loads(data.removeprefix("data: "))["result"], answer.headers


def begun(http: httpx2.Client) -> dict[str, str]:
    """Initialize as a host that shows pages does; return the headers for later requests."""
    who = {"name": "host", "version": "0"}
    _, headers = called(http, "initialize", protocolVersion="2025-11-25", capabilities=CAPABILITIES, clientInfo=who)
    return {"mcp-session-id": headers["mcp-session-id"]}


def rows(http: httpx2.Client, session: dict[str, str], **arguments: Any) -> list[dict[str, Any]]:
    result, _ = called(http, "tools/call", session, name="page_logs", arguments=arguments)
    return result["structuredContent"]["rows"]


def hold_the_files(http: httpx2.Client) -> None:
    for path, built in (("/", host()), ("/page.html", page())):
        answer = http.get(path)
        assert (answer.status_code, answer.text) == (200, built.text)
        assert answer.headers["content-security-policy"] == built.policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert http.get(path, headers={"host": "evil.example"}).status_code == 421
        assert http.get(path, headers={"origin": "https://evil.example"}).status_code == 403
        assert http.post(path).status_code == 405


@pytest.mark.anyio
async def test_ui_shows_the_page_over_the_same_tools(store: Store, tmp_path: Path) -> None:
    await store.add(a_log(1))
    with (
        running("ui", "--local", str(tmp_path / "gateway.db"), "--read-only") as url,
        httpx2.Client(base_url=url.rstrip("/")) as http,
    ):
        hold_the_files(http)
        session = begun(http)
        found = rows(http, session)
        tools, _ = called(http, "tools/list", session)
        stream = http.get("/mcp", headers=ACCEPT | session)
        foreign = http.post("/mcp", json={}, headers={"origin": "null"})
        sent = http.get("/", headers={"authorization": "Bearer any"})

    assert url.startswith("http://127.0.0.1:")
    assert [row["id"] for row in found] == [a_log(1).id]
    assert "patch_log_feedback" not in [tool["name"] for tool in tools["tools"]]
    assert (stream.status_code, foreign.status_code, sent.status_code) == (405, 403, 200)


@pytest.mark.anyio
@pytest.mark.parametrize("options", [["--token"], ["--token", "correct-horse"]])
async def test_the_printed_address_has_the_token_and_other_callers_get_nothing(
    options: list[str], store: Store, tmp_path: Path
) -> None:
    await store.add(a_log(1))
    with running("ui", "--local", str(tmp_path / "gateway.db"), *options) as url:
        base, _, token = url.partition("/#token=")
        with httpx2.Client(base_url=base) as http:
            hold_the_files(http)
            bare = http.post("/mcp", json={})
            wrong = http.post("/mcp", json={}, headers={"authorization": f"Bearer {token}x"})
            elsewhere = http.get("/healthz/x")
        with httpx2.Client(base_url=base, headers={"authorization": f"Bearer {token}"}) as http:
            found = rows(http, begun(http))

    assert token == (options[1:] or [token])[0]
    assert len(token) >= len("correct-horse")
    assert {bare.status_code, wrong.status_code, elsewhere.status_code} == {401}
    assert [row["id"] for row in found] == [a_log(1).id]


def test_the_local_gateway_shows_its_own_calls_as_they_are_made(tmp_path: Path) -> None:
    with running("gateway", "--db", str(tmp_path / "g.db")) as said:
        url = said.rpartition(" ")[2]
        with httpx2.Client(base_url=url.partition("/v1/")[0], timeout=20) as http:
            hold_the_files(http)
            session = begun(http)
            before = rows(http, session)
            made = httpx2.post(f"{url}/compat/chat/completions", json=CHAT).headers["cf-aig-log-id"]
            first = rows(http, session)
            later = httpx2.post(f"{url}/compat/chat/completions", json=CHAT).headers["cf-aig-log-id"]
            new = rows(http, session, newer_than=first[0]["created_at"])
            foreign = http.post("/mcp", json={}, headers={"origin": "https://evil.example"})
            unknown = http.get("/other")

    assert before == []
    assert [row["id"] for row in first] == [made]
    assert new[0]["id"] == later
    assert (foreign.status_code, unknown.status_code) == (403, 404)


def test_the_page_of_a_gateway_accepts_only_its_token(tmp_path: Path) -> None:
    with running("gateway", "--db", str(tmp_path / "g.db"), "--token", "secret") as said:
        url = said.rpartition(" ")[2]
        made = httpx2.post(f"{url}/compat/chat/completions", json=CHAT).headers["cf-aig-log-id"]
        with httpx2.Client(base_url=url.partition("/v1/")[0], timeout=20) as http:
            hold_the_files(http)
            refused = http.post("/mcp", json={})
            http.headers["authorization"] = "Bearer secret"
            found = rows(http, begun(http))

    assert refused.status_code == 401
    assert [row["id"] for row in found] == [made]
