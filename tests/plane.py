"""A local gateway on a real socket, and what it logged, for tests of the data plane."""

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

    async def logs(self, gateway: str = "default") -> list[dict[str, Any]]:
        """Return the newest logs, newest first."""
        return (await self.store.logs(gateway, [], page=1, per_page=50, order="seq DESC"))[0]

    async def bodies(self, log_id: str) -> tuple[bytes | None, bytes | None]:
        """Return a log's stored bodies."""
        sql = "SELECT request, response FROM logs JOIN details ON log = seq WHERE id = ?"
        row = await self.store.read(lambda db: db.execute(sql, (log_id,)).fetchone())
        return row["request"], row["response"]


@asynccontextmanager
async def plane(folder: Path) -> AsyncGenerator[Plane]:
    """Serve a fresh gateway; `http` is closed with it."""
    async with (
        Store(folder / "gateway.db") as store,
        serving(build_app(store)) as url,
        httpx2.AsyncClient(base_url=f"{url}/v1/{ACCOUNT}/default/", timeout=20) as http,
    ):
        yield Plane(url, http, store)


def chat(text: str = "Why is the sky blue?", *, model: str = "openai/gpt-4o-mini", **more: Any) -> dict[str, Any]:
    """Return the body of a chat in OpenAI's form."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}
