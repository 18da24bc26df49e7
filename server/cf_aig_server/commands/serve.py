"""Serves MCP."""

import gc
import sys
from typing import Literal

import anyio

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_server.transports.stdio import serve_stdio

LOOP = {"use_uvloop": sys.platform != "win32"}
"""uvloop reduces the time per call by a tenth; it does not support Windows."""


def run(settings: Settings, transport: Literal["stdio", "http", "sse"], host: str, port: int) -> None:
    """Serve until the input ends or a signal arrives.

    Raises:
        GatewayError: two settings contradict each other.

    """
    server = build_server(settings)
    if settings.channel:
        from cf_aig_server.channel.session import add_channel  # noqa: PLC0415 (off by default)

        add_channel(server, settings, transport)
    gc.freeze()  # loaded modules are permanent and never scanned
    gc.set_threshold(
        20_000, 20, 50
    )  # a call creates many short-lived objects and few cycles: this saves a tenth of its time
    gc.enable()
    if transport == "stdio":
        anyio.run(serve_stdio, server, backend_options=LOOP)
    else:
        from cf_aig_server.transports.http import serve_http  # noqa: PLC0415 (stdio needs none of it)

        anyio.run(serve_http, server, settings, transport, host, port, backend_options=LOOP)
    gc.freeze()  # the rest ends with the process: collecting it would take a third of a second
