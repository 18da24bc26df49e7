"""The local gateway in this process, for `--local`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.asgi import ASGITransport
from cf_aig_gateway.local.store import Store


@asynccontextmanager
async def local_transport(path: Path) -> AsyncGenerator[ASGITransport]:
    """Yield a transport to a gateway over the file at `path`."""
    async with Store(path) as store, anyio.create_task_group() as tasks:
        yield ASGITransport(build_app(store), tasks)
        tasks.cancel_scope.cancel()
