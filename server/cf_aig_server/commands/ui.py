"""Show the page in a browser, over MCP on this machine."""

import gc
import secrets
import sys
import webbrowser
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
from mcp.server import MCPServer

from cf_aig_server.app import build_server
from cf_aig_server.page.web import behind_door
from cf_aig_server.settings import Settings
from cf_aig_server.transports.calls import Calls
from cf_aig_server.transports.http import streamable
from cf_aig_server.transports.web import serve_app

HOST = "127.0.0.1"


def run(settings: Settings, *, port: int, token: str | None, opens: bool) -> None:
    """Serve until a signal. An empty `token` is replaced by one made for this run; None requires none.

    Raises:
        OSError: the port cannot be used.

    """
    token = secrets.token_urlsafe(24) if token == "" else token or ""
    if missing := settings.missing():
        print(f"cloudflare-ai-gateway-mcp: {missing}", file=sys.stderr)
    listening = partial(_announce, token=token, opens=opens)
    gc.enable()
    anyio.run(_serve, build_server(settings), settings, port, token, listening)


async def _serve(
    server: MCPServer[Any], settings: Settings, port: int, token: str, listening: Callable[[int], None]
) -> None:
    calls = Calls()
    server.middleware.append(calls)
    app = behind_door(streamable(server), token, settings.missing)
    await serve_app(app, HOST, port, listening=listening, busy=calls.under_way)


def _announce(port: int, *, token: str, opens: bool) -> None:
    url = f"http://{HOST}:{port}/" + (f"#token={token}" if token else "")
    print(url, flush=True)
    if opens:
        webbrowser.open(url)
