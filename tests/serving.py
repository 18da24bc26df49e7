"""Serve an ASGI application on a loopback port, for clients that need a real socket."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

import anyio
import uvicorn
from starlette.types import ASGIApp

from cf_aig_server.transports.connection import Connection


@asynccontextmanager
async def serving(
    app: ASGIApp, lifespan: Literal["on", "off"] = "off", http: type[Connection] = Connection
) -> AsyncGenerator[str]:
    """Yield the base URL of the listening application."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan=lifespan, http=http))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
            await anyio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
