"""The page at a local gateway's own address, served through an MCP server in the same process."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
from anyio.abc import TaskGroup, TaskStatus
from anyio.to_thread import run_sync
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from cf_aig_server.page.web import behind_door

PATHS = frozenset({"/", "/page.html", "/mcp"})
ACCOUNT = "0" * 32
URL = "http://127.0.0.1"


class Beside:
    """Passes on the gateway's requests, and serves the page. The page's MCP server loads when the page is opened.

    With a `token`, both accept no other.
    """

    def __init__(self, gateway: ASGIApp, tasks: TaskGroup, token: str) -> None:
        self._gateway = gateway
        self._tasks = tasks
        self._token = token
        self._page = behind_door(self._mcp, token, lambda: "")
        self._loading = anyio.Lock()
        self._loaded: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        is_of_page = scope["type"] == "http" and scope["path"] in PATHS
        await (self._page if is_of_page else self._gateway)(scope, receive, send)
        if is_of_page and self._loaded is None:
            await self._load()

    async def _mcp(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._load())(scope, receive, send)

    async def _load(self) -> ASGIApp:
        async with self._loading:
            app = self._loaded = self._loaded or await self._tasks.start(self._run)
        return app

    async def _run(self, *, task_status: TaskStatus[ASGIApp]) -> None:
        """Keep the page's server while the gateway runs."""
        app, running = await run_sync(self._made)
        async with running():
            task_status.started(app)
            await anyio.sleep_forever()

    def _made(self) -> tuple[ASGIApp, Callable[[], AbstractAsyncContextManager[None]]]:
        from cf_aig_gateway.local.asgi import ASGITransport  # noqa: PLC0415 (most gateways run without the page)
        from cf_aig_server.app import build_server  # noqa: PLC0415
        from cf_aig_server.settings import Settings  # noqa: PLC0415
        from cf_aig_server.transports.http import streamable  # noqa: PLC0415

        key = SecretStr(self._token or "local")
        here: dict[str, Any] = {
            "api_url": f"{URL}/client/v4",
            "data_url": f"{URL}/v1",
            "account_id": ACCOUNT,
            "local": "",
        }
        settings = Settings(**here, api_token=key, api_token_file=None, gateway_token=key)
        server = build_server(settings, ASGITransport(self._gateway, self._tasks))
        return streamable(server), server.session_manager.run
