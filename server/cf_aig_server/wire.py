"""The transport by which a server reaches its gateway."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from cf_aig_server.settings import Settings

if TYPE_CHECKING:
    import httpx2

VERSION = version("cloudflare-ai-gateway-mcp")


@asynccontextmanager
async def wire(
    settings: Settings, transport: "httpx2.AsyncBaseTransport | None"
) -> "AsyncGenerator[httpx2.AsyncBaseTransport | None]":
    """Yield the local gateway over its file if the settings name one, or else `transport`; None means the network."""
    if path := settings.local_path():
        from cf_aig_server.local import local_transport  # noqa: PLC0415 (the local gateway loads when asked for)

        async with local_transport(path) as local:
            yield local
    else:
        yield transport
