"""A local gateway on a real socket, and its logs, for tests of the data plane."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from serving import serving

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.store import Store

ACCOUNT = "0" * 32


@dataclass
class Plane:
    """`url` is the server's; `http` posts below `/v1/{account}/default/`."""

    url: str
    http: httpx2.AsyncClient
    store: Store

    @property
    def gateway_url(self) -> str:
        return f"{self.url}/v1/{ACCOUNT}/default"

    @property
    def rest_url(self) -> str:
        return f"{self.url}/client/v4/accounts/{ACCOUNT}/ai"

    async def manage(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Call the management API, below `…/ai-gateway/gateways/`."""
        url = f"{self.url}/client/v4/accounts/{ACCOUNT}/ai-gateway/gateways/{path}"
        return await self.http.request(method, url, headers={"authorization": "Bearer t"}, **more)

    async def logs(self, gateway: str = "default") -> list[dict[str, Any]]:
        """Return the newest logs, newest first."""
        return (await self.manage("GET", f"{gateway}/logs?per_page=50")).json()["result"]

    async def stored(self, log_id: str, which: str) -> bytes:
        """Return a log's `request` or `response` body."""
        return (await self.manage("GET", f"default/logs/{log_id}/{which}")).content


@asynccontextmanager
async def plane(folder: Path, **options: Any) -> AsyncGenerator[Plane]:
    """Serve a fresh gateway. `http` is closed with it. The options are the application's."""
    async with (
        Store(folder / "gateway.db") as store,
        serving(build_app(store, **options)) as url,
        httpx2.AsyncClient(base_url=f"{url}/v1/{ACCOUNT}/default/", timeout=20) as http,
    ):
        yield Plane(url, http, store)


def chat(text: str = "Why is the sky blue?", *, model: str = "openai/gpt-4o-mini", **more: Any) -> dict[str, Any]:
    """Return the body of a chat in OpenAI's form."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}
