"""Serve MCP."""

import gc
import sys
from typing import Literal

import anyio

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_server.transports.stdio import serve_stdio

LOOP = {"use_uvloop": sys.platform != "win32"}
"""uvloop takes a tenth less time a call; it has no Windows."""


def run(settings: Settings, transport: Literal["stdio", "http", "sse"], host: str, port: int) -> None:
    """Serve until the input ends, or a signal comes."""
    server = build_server(settings)
    gc.freeze()  # what was loaded stays, and is never looked through
    gc.set_threshold(20_000, 20, 50)  # a call makes many short-lived objects, and few cycles: a tenth less time
    gc.enable()
    if transport == "stdio":
        anyio.run(serve_stdio, server, backend_options=LOOP)
    else:
        from cf_aig_server.transports.http import serve_http  # noqa: PLC0415 (stdio needs none of it)

        anyio.run(serve_http, server, settings, transport, host, port, backend_options=LOOP)
    gc.freeze()  # what is left dies with the process: collecting it would take a third of a second
