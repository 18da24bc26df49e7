"""The program as a client starts it: a child process, a real pipe."""

import sys
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters, stdio_client

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.store import Store

CHAT = "/v1/00000000000000000000000000000000/default/compat/chat/completions"


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_call_made_through_the_gateway_is_listed_over_stdio(tmp_path: Path, mode: str) -> None:
    async with Store(tmp_path / "g.db") as store:
        transport = httpx2.ASGITransport(app=build_app(store))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            answer = await http.post(
                CHAT, json={"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "why blue?"}]}
            )
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "cf_aig_server", "serve", "--local", str(tmp_path / "g.db")]
    )

    async with Client(stdio_client(server), mode=mode) as client:
        listed = await client.call_tool("list_logs", {"success": True})

    assert not listed.is_error, listed
    assert listed.structured_content["total_count"] == 1
    assert listed.structured_content["rows"][0][0] == answer.headers["cf-aig-log-id"]
    assert answer.headers["cf-aig-log-id"] in listed.content[0].text
