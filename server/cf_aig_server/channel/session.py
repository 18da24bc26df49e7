"""Declares the channel to a client, and sends it notices while its session lasts.

A research preview of Claude Code: code.claude.com/docs/en/channels-reference, read 2026-11-27.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import anyio
from anyio import to_thread
from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.session import ServerSession
from mcp.types import Notification
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.shapes import as_object
from cf_aig_server.settings import Settings

if TYPE_CHECKING:
    from types import ModuleType

    from cf_aig_tools.desk import Desk

CAPABILITY = "claude/channel"
METHOD = "notifications/claude/channel"

NEEDED = ("list_logs", "get_log_details")
"""The tools that show what a notice tells of."""

Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


def add_channel(server: MCPServer[Any], settings: Settings, transport: str) -> None:
    """Add the channel to a server that is not yet running.

    Raises:
        GatewayError: it has no channel over this transport, or with these tools.

    """
    if transport != "stdio":
        raise GatewayError(f"The channel works over stdio only: omit --channel (AI_GATEWAY_CHANNEL) with {transport}.")
    if settings.tools and (missing := [name for name in NEEDED if name not in settings.tools]):
        raise GatewayError(f"The channel needs {missing[0]}: add it to --tools (AI_GATEWAY_TOOLS), or omit --channel.")
    channel = Channel(settings)
    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] # its lifespan is a session's over stdio
    lowlevel.lifespan = channel.beside(lowlevel.lifespan)
    server.middleware.append(channel)


class Channel:
    """Follows the failures of the gateways that the operator allows, once a client is there."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: ServerSession | None = None
        self._met = anyio.Event()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Answer as the server does, with the capability."""
        result = await call_next(ctx)
        if ctx.method == "notifications/initialized" or ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            self._session = ctx.session
            self._met.set()
        if ctx.method not in ("initialize", "server/discover"):
            return result
        answer = as_object(result)
        capabilities = as_object(answer.get("capabilities"))
        return answer | {"capabilities": capabilities | {"experimental": {CAPABILITY: {}}}}

    def beside(self, lifespan: Lifespan) -> Lifespan:
        """Return a lifespan during which the channel runs; it ends before what it uses is closed."""

        @asynccontextmanager
        async def both(server: Any) -> AsyncGenerator[Any]:
            async with lifespan(server) as reception, anyio.create_task_group() as tasks:
                tasks.start_soon(self._run, reception)
                yield reception
                tasks.cancel_scope.cancel()

        return both

    async def _run(self, reception: "Callable[[], Desk]") -> None:
        await self._met.wait()
        code = await to_thread.run_sync(_loaded)
        gateways = self._settings.allow or [self._settings.gateway_id]
        every_s = code.EVERY_LOCAL_S if self._settings.local else code.EVERY_S
        await code.Failures(reception(), gateways, every_s).tell(self._send)

    async def _send(self, content: str, meta: dict[str, str]) -> None:
        if self._session:
            notice = Notification[dict[str, Any], str](method=METHOD, params={"content": content, "meta": meta})
            await self._session.send_notification(cast(Any, notice))


def _loaded() -> "ModuleType":
    """Load what calls need too; that takes a tenth of a second, in a thread."""
    import_module("cf_aig_server.opening")
    return import_module("cf_aig_server.channel.failures")
