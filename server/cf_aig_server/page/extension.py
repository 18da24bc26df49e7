"""MCP Apps, which clients negotiate as `io.modelcontextprotocol/ui`: what changes for clients that support it.

The page is one resource. Tools whose results it shows name it in their `_meta`; tools that only it calls are listed
too.
"""

import logging
from collections.abc import Sequence
from typing import Any

from mcp.server import MCPServer
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID, ResourceCsp, ResourcePermissions
from mcp.server.context import CallNext, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, TextContent
from mcp_types import SERVER_INFO_META_KEY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_server.page import files
from cf_aig_server.registration import GatewayTool, tool_of
from cf_aig_tools import OF_THE_PAGE

LOG = logging.getLogger(__name__)

URI = "ui://cf-aig/page.html"

SHOWN = frozenset(
    {"summarize_logs", "list_logs", "get_log_details", "get_log_request_body", "get_log_response_body", "trace_run"}
)
"""The tools whose results the page shows."""

RESOURCE: dict[str, Any] = {
    "uri": URI,
    "name": "page",
    "title": "Calls of AI Gateway, drawn",
    "mimeType": APP_MIME_TYPE,
    "_meta": {
        "ui": {
            "csp": ResourceCsp(
                connect_domains=[], resource_domains=[], frame_domains=[], base_uri_domains=[]
            ).model_dump(by_alias=True),
            "permissions": ResourcePermissions(clipboard_write={}).model_dump(by_alias=True, exclude_none=True),
        }
    },
}

HOUR_MS = 3_600_000

Result = dict[str, Any]
Request = ServerRequestContext[Any, Any]


class Extension:
    """Answers clients that can show the page. `offered` are the tools that the operator allows."""

    def __init__(self, server: MCPServer[Any], offered: Sequence[Tool]) -> None:
        self._server = server
        names = {tool.name for tool in offered}
        self._tools = {name: tool_of(name) for name, needed in OF_THE_PAGE.items() if names >= needed}

    async def answer(self, ctx: Request, call_next: CallNext) -> Result:
        """Answer a request as the server does, with the page."""
        params = as_object(ctx.params)
        if ctx.method == "tools/call" and (tool := self._tools.get(str(params.get("name")))):
            return self._complete(ctx, await self._called(tool, as_object(params.get("arguments")), ctx))
        if ctx.method == "resources/read" and params.get("uri") == URI:
            return self._complete(ctx, _read(), ttlMs=HOUR_MS, cacheScope="public")
        result = as_object(await call_next(ctx))
        match ctx.method:
            case "initialize" | "server/discover":
                held = as_object(result["capabilities"])
                extensions: Result = as_object(held.get("extensions")) | {EXTENSION_ID: {}}
                return result | {"capabilities": held | {"extensions": extensions}}
            case "tools/list":
                return _own(result | {"tools": [*map(_with_page, as_list(result["tools"])), *self._listed()]})
            case "resources/list":
                return _own(result | {"resources": [*as_list(result["resources"]), RESOURCE]})
            case _:
                return result

    def _listed(self) -> list[Result]:
        """Return the listing of the tools that only the page calls."""
        only = {"ui": {"resourceUri": URI, "visibility": ["app"]}}
        held = (
            tool.definition.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in self._tools.values()
        )
        return [each | {"_meta": only} for each in held]

    async def _called(self, tool: GatewayTool, arguments: dict[str, Any], ctx: Request) -> Result:
        context = Context(request_context=ctx, mcp_server=self._server)
        try:
            result = await tool.run(arguments, context)
        except ToolError as error:
            if isinstance(error, UnexpectedToolError):
                LOG.exception("Tool %r raised an unexpected exception", tool.name)
            result = CallToolResult(content=[TextContent(type="text", text=str(error))], is_error=True)
        return _sent(result)

    def _complete(self, ctx: Request, result: Result, **more: Any) -> Result:
        """Return a result with the members that the newer protocol requires, and `more`."""
        if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return result
        who = self._server._lowlevel_server.server_info_stamp  # pyright: ignore[reportPrivateUsage] # it has no other way
        return {"resultType": "complete", "_meta": {SERVER_INFO_META_KEY: who}, **more, **result}


def _sent(value: BaseModel) -> Result:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


def _with_page(tool: Any) -> Any:
    return tool | {"_meta": {"ui": {"resourceUri": URI}}} if tool["name"] in SHOWN else tool


def _own(result: Result) -> Result:
    """Return a list that differs by client, and must not be cached for others."""
    return result | {"cacheScope": "private"} if "cacheScope" in result else result


def _read() -> Result:
    contents = {"uri": URI, "mimeType": APP_MIME_TYPE, "text": files.page().text, "_meta": RESOURCE["_meta"]}
    return {"contents": [contents]}
