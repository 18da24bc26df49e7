"""Put settings, gateway and tools together."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

import anyio
import httpx2
from mcp.server import MCPServer

from cf_aig_gateway.client import AIGateway
from cf_aig_server.registration import tools
from cf_aig_server.settings import Settings
from cf_aig_tools import TOOLS
from cf_aig_tools.desk import Desk

NAME = "cloudflare-ai-gateway"
LOCAL_ACCOUNT = "0" * 32
LOCAL_URL = "http://127.0.0.1"


def build_server(settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> MCPServer[Desk]:
    """Return the server, not yet running. `transport` stands in for the network in tests."""

    @asynccontextmanager
    async def lifespan(_: MCPServer[Desk]) -> AsyncGenerator[Desk]:
        async with _gateway(settings, transport) as gateway:
            yield Desk(gateway, settings.gateway_id)

    return MCPServer[Desk](
        NAME, version=version("cloudflare-ai-gateway-mcp"), tools=tools(TOOLS), lifespan=lifespan, log_level="WARNING"
    )


@asynccontextmanager
async def _gateway(settings: Settings, transport: httpx2.AsyncBaseTransport | None) -> AsyncGenerator[AIGateway]:
    path = settings.local_path()
    if path is None:
        async with httpx2.AsyncClient(transport=transport, timeout=settings.timeout_s) as http:
            token = settings.api_token.get_secret_value
            yield AIGateway(
                http,
                api_url=settings.api_url,
                data_url=settings.data_url,
                account=settings.account_id,
                token=token,
                gateway_token=token,
                provider_keys={},
            )
        return
    from cf_aig_gateway.local.app import build_app  # noqa: PLC0415 (only with --local)
    from cf_aig_gateway.local.asgi import ASGITransport  # noqa: PLC0415
    from cf_aig_gateway.local.store import Store  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store(path))
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        wire = ASGITransport(build_app(store), tasks)
        http = await stack.enter_async_context(httpx2.AsyncClient(transport=wire, timeout=settings.timeout_s))
        yield AIGateway(
            http,
            api_url=f"{LOCAL_URL}/client/v4",
            data_url=f"{LOCAL_URL}/v1",
            account=LOCAL_ACCOUNT,
            token=lambda: "local",
            gateway_token=lambda: "local",
            provider_keys={},
        )
