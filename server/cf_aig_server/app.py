"""Put settings, gateway and tools together."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version

import httpx2
from mcp.server import CacheHint, MCPServer
from mcp.server.caching import CacheableMethod

from cf_aig_gateway.client import AIGateway
from cf_aig_server.characters import whole_characters
from cf_aig_server.completions import add_completions
from cf_aig_server.instructions import INSTRUCTIONS
from cf_aig_server.prompts import prompts, refuse_bad_prompts
from cf_aig_server.registration import refuse_unknown_tools, tools
from cf_aig_server.resources import add_resources, offers_cases
from cf_aig_server.settings import Settings
from cf_aig_tools import TOOLS
from cf_aig_tools.desk import Desk
from cf_aig_tools.reading.masking import Masker

NAME = "cloudflare-ai-gateway"
VERSION = version("cloudflare-ai-gateway-mcp")
LOCAL_ACCOUNT = "0" * 32
LOCAL_URL = "http://127.0.0.1"

LISTS: tuple[CacheableMethod, ...] = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
CACHE_HINTS: dict[CacheableMethod, CacheHint] = dict.fromkeys(LISTS, CacheHint(ttl_ms=3_600_000, scope="public"))
"""Lists are the same for every caller for as long as the process runs."""


def build_server(settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> MCPServer[Desk]:
    """Return the server, not yet running. `transport` stands in for the network in tests."""
    # Copies behind a balancer share the token, so a code that one of them gave is good for all.
    secret = settings.token().encode() or secrets.token_bytes(32)

    @asynccontextmanager
    async def lifespan(_: MCPServer[Desk]) -> AsyncGenerator[Desk]:
        async with open_gateway(settings, transport) as gateway:
            yield Desk(
                gateway,
                settings.gateway_id,
                Masker(settings.mask),
                settings.budget,
                frozenset(settings.allow),
                secret,
                settings.timeout_s,
                offers_cases=offers_cases(offered),
            )

    offered = tools(TOOLS, names=settings.tools, read_only=settings.read_only)
    server = MCPServer[Desk](
        NAME,
        title="Cloudflare AI Gateway",
        instructions=INSTRUCTIONS,
        version=VERSION,
        tools=offered,
        cache_hints=CACHE_HINTS,
        lifespan=lifespan,
        log_level="WARNING",
    )
    server.middleware.extend([whole_characters, refuse_unknown_tools(server), refuse_bad_prompts(server)])
    for prompt in prompts():
        server.add_prompt(prompt)
    add_resources(server, offered)
    add_completions(server)
    return server


@asynccontextmanager
async def open_gateway(
    settings: Settings, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncGenerator[AIGateway]:
    """Yield the gateway that the settings name; with `local`, one in this process over its file."""
    if path := settings.local_path():
        from cf_aig_server.local import local_transport  # noqa: PLC0415 (the local gateway loads when asked for)

        async with (
            local_transport(path) as wire,
            _http(settings, wire) as http,
        ):
            yield _local(http)
        return
    async with _http(settings, transport) as http:
        yield _cloudflare(http, settings)


def _http(settings: Settings, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    headers = {"User-Agent": f"cloudflare-ai-gateway-mcp/{VERSION}"}
    return httpx2.AsyncClient(transport=transport, timeout=settings.timeout_s, headers=headers)


def _cloudflare(http: httpx2.AsyncClient, settings: Settings) -> AIGateway:
    return AIGateway(
        http,
        api_url=settings.api_url,
        data_url=settings.data_url,
        account=settings.account_id,
        token=settings.token,
        gateway_token=settings.data_token,
        provider_keys={name: key.get_secret_value() for name, key in settings.provider_keys.items()},
        logs=settings.logs,
        log_fields=settings.log_fields,
        log_days=settings.log_days,
    )


def _local(http: httpx2.AsyncClient) -> AIGateway:
    return AIGateway(
        http,
        api_url=f"{LOCAL_URL}/client/v4",
        data_url=f"{LOCAL_URL}/v1",
        account=LOCAL_ACCOUNT,
        token=lambda: "local",
        gateway_token=lambda: "local",
        provider_keys={},
        logs="gateway",
    )
