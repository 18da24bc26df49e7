"""Registers the tools; their code is loaded at the first call."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult
from mcp.types import Tool as Definition
from pydantic import PrivateAttr

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_tools import DEFINITIONS, TOOLS

if TYPE_CHECKING:
    from cf_aig_server.calling import Code
    from cf_aig_server.page.extension import Extension

MAX_ECHO = 80
"""Maximum characters of an unknown name repeated in an error."""


APPS, APP_MIME = "io.modelcontextprotocol/ui", "text/html;profile=mcp-app"
"""MCP Apps, and the page's media type. Both are in `mcp.server.apps`, which loads only with the first such client."""

SESSION = b"mcp-session-id"
SHOWS_APPS = b"shows-apps"
"""The session id of such a client over stateless HTTP: nothing else carries what it said in its handshake."""


class GatewayTool(Tool):
    """A tool that consists of its definition until it is called: half of the start-up time went into loading unused
    code.
    """

    definition: Definition
    _code: "Code | None" = PrivateAttr(default=None)

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,  # noqa: ARG002 (every tool returns a ready CallToolResult)
    ) -> CallToolResult:
        """Call the tool, which a thread loads at the first call; that takes a tenth of a second."""
        if self._code is None:
            self._code = await to_thread.run_sync(_loaded, self.definition)
        return await self._code.call(arguments, context)


def _loaded(definition: Definition) -> "Code":
    from cf_aig_server.calling import Code  # noqa: PLC0415 (with the first call)

    return Code(definition)


def tools(*, names: Collection[str], read_only: bool) -> list[Tool]:
    """Return the tools that the operator offers, in order.

    Raises:
        GatewayError: a name is not a tool.

    """
    if wrong := [name for name in names if name not in TOOLS]:
        raise GatewayError(f"AI_GATEWAY_TOOLS: there is no tool {wrong[0][:MAX_ECHO]}. Tools: {', '.join(TOOLS)}.")
    made = [tool_of(name) for name in TOOLS if not names or name in names]
    return [tool for tool in made if not read_only or (tool.annotations and tool.annotations.read_only_hint)]


def tool_of(name: str) -> "GatewayTool":
    """Return the tool of that name, from its definition."""
    definition = Definition.model_validate_json((DEFINITIONS / f"{name}.json").read_bytes())
    return GatewayTool(
        definition=definition,
        fn=_loaded,
        name=name,
        title=definition.title,
        description=definition.description or "",
        parameters=definition.input_schema,
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=definition.output_schema),
        is_async=True,
        context_kwarg=None,
        annotations=definition.annotations,
    )


def refuse_unknown_tools(server: MCPServer[Any]) -> ServerMiddleware[Any]:
    """Return a handler that answers a call of an unknown tool with -32602, as the specification requires."""
    known = server._tool_manager  # pyright: ignore[reportPrivateUsage] # listing all its tools takes 40 µs

    async def middleware(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        is_call = ctx.method == "tools/call" and ctx.request_id is not None
        if is_call and known.get_tool(name := str(as_object(ctx.params).get("name"))) is None:
            names = ", ".join(tool.name for tool in await server.list_tools())
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {name[:MAX_ECHO]}. Known: {names}.")
        return await call_next(ctx)

    return middleware


def show_page(server: MCPServer[Any], offered: Sequence[Tool]) -> ServerMiddleware[Any]:
    """Return the middleware that offers the page and its own tools to clients that can show it."""

    @cache
    def extension() -> "Extension":
        from cf_aig_server.page.extension import Extension  # noqa: PLC0415 (with the first such client)

        return Extension(server, offered)

    async def middleware(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.request_id is None or not _shows_apps(ctx):
            return await call_next(ctx)
        return await extension().answer(ctx, call_next)

    return middleware


def _shows_apps(ctx: ServerRequestContext[Any, Any]) -> bool:
    if ctx.method == "initialize":
        return are_of_apps(as_object(ctx.params).get("capabilities"))
    if held := ctx.session.client_capabilities:
        return are_of_apps({"extensions": held.extensions})
    headers = getattr(ctx.request, "headers", {})
    return headers.get(SESSION.decode()) == SHOWS_APPS.decode()


def are_of_apps(capabilities: Any) -> bool:
    """Whether a client with these capabilities shows pages."""
    extensions = as_object(as_object(capabilities).get("extensions"))
    return APP_MIME in as_list(as_object(extensions.get(APPS)).get("mimeTypes"))
