"""Serve MCP."""

import anyio

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings


def run(settings: Settings) -> None:
    """Serve over stdio until the input ends."""
    anyio.run(build_server(settings).run_stdio_async)
