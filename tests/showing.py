"""A client that shows the page of MCP Apps."""

from typing import Any

import httpx2
from mcp import Client
from mcp.client.extension import advertise

from cf_aig_server.app import build_server
from cf_aig_server.registration import APP_MIME, APPS
from cf_aig_server.settings import Settings

APP = advertise(APPS, {"mimeTypes": [APP_MIME]})
CAPABILITIES = {"extensions": {APPS: {"mimeTypes": [APP_MIME]}}}


def showing(transport: httpx2.AsyncBaseTransport | None = None, mode: Any = "auto", **settings: Any) -> Client:
    return Client(build_server(Settings(**settings), transport), extensions=[APP], mode=mode)


async def drawn(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    """Return the data from a tool of the page."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    assert result.content == []
    assert result.structured_content is not None
    return result.structured_content


async def refused(client: Client, name: str, **arguments: Any) -> str:
    """Return a tool's error message."""
    result = await client.call_tool(name, arguments)
    assert result.is_error
    return "\n".join(part.text for part in result.content if part.type == "text")
