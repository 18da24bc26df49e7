"""Combines settings, gateway and tools into a server."""

import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

import httpx2
from mcp.server import CacheHint, MCPServer
from mcp.server._otel import OpenTelemetryMiddleware
from mcp.server.caching import CacheableMethod
from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

from cf_aig_server.characters import whole_characters
from cf_aig_server.completions import add_completions
from cf_aig_server.instructions import INSTRUCTIONS
from cf_aig_server.prompts import prompts, refuse_bad_prompts
from cf_aig_server.registration import refuse_unknown_tools, show_page, tools
from cf_aig_server.resources import add_resources, add_skills, offers_cases
from cf_aig_server.settings import Settings
from cf_aig_server.timings import LOG, timed
from cf_aig_server.wire import VERSION, wire

if TYPE_CHECKING:
    from cf_aig_tools.desk import Desk

Reception = Callable[[], "Desk"]
"""Provides the desk to a call; it is built for the first call."""

NAME = "cloudflare-ai-gateway"

LISTS: tuple[CacheableMethod, ...] = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
CACHE_HINTS: dict[CacheableMethod, CacheHint] = dict.fromkeys(LISTS, CacheHint(ttl_ms=3_600_000, scope="public"))
"""Lists are the same for every caller for as long as the process runs."""


def build_server(settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> MCPServer[Reception]:
    """Return the server, not yet running. In tests, `transport` replaces the network."""
    # Copies behind a load balancer share the token, so a code from one of them is valid for all.
    # So do the commands that each make one call of a local gateway, by its file.
    secret = (settings.token() or settings.local).encode() or secrets.token_bytes(32)

    @asynccontextmanager
    async def lifespan(_: MCPServer[Reception]) -> AsyncGenerator[Reception]:
        async with wire(settings, transport) as way, AsyncExitStack() as opened:

            @cache
            def desk() -> "Desk":
                from cf_aig_server import opening  # noqa: PLC0415 (with the first call)

                http = opening.http_client(settings, way)
                opened.push_async_callback(http.aclose)
                return opening.desk(http, settings, secret, offers_cases=offers_cases(offered))

            yield desk

    offered = tools(names=settings.tools, read_only=settings.read_only)
    server = MCPServer[Reception](
        NAME,
        title="Cloudflare AI Gateway",
        instructions=INSTRUCTIONS,
        version=VERSION,
        tools=offered,
        cache_hints=CACHE_HINTS,
        lifespan=lifespan,
        log_level="WARNING",
    )
    if isinstance(get_tracer_provider(), ProxyTracerProvider):
        # Nothing exports the SDK's spans, which take 2 % of a call.
        server.middleware[:] = [each for each in server.middleware if not isinstance(each, OpenTelemetryMiddleware)]
    if settings.log_level == "info":
        LOG.setLevel("INFO")  # only this logger: others would log URLs, which contain arguments
        server.middleware.append(timed)
    server.middleware.extend([whole_characters, show_page(server, offered)])
    server.middleware.extend([refuse_unknown_tools(server), refuse_bad_prompts(server)])
    for prompt in prompts():
        server.add_prompt(prompt)
    add_resources(server, offered)
    add_skills(server, offered)
    add_completions(server)
    return server
