"""A client of the local gateway's management API, in process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.store import Store

ACCOUNT = "0123456789abcdef0123456789abcdef"
API = f"/client/v4/accounts/{ACCOUNT}/ai-gateway"
GATEWAYS = f"{API}/gateways"
LOGS = f"{GATEWAYS}/default/logs"

NOT_FOUND = {"success": False, "errors": [{"code": 7002, "message": "Not Found"}], "result": {}}


@asynccontextmanager
async def management(store: Store, **options: Any) -> AsyncGenerator[httpx2.AsyncClient]:
    """Yield a client with a token."""
    transport = httpx2.ASGITransport(app=build_app(store, **options))
    headers = {"authorization": "Bearer t"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787", headers=headers) as http:
        yield http


def refused(message: str, *path: str | int) -> dict[str, Any]:
    """Return the error body for one invalid value."""
    return {"success": False, "errors": [{"code": 7001, "message": message, "path": list(path)}], "result": {}}
