"""Gateways, logs, bodies and skills as resources that a user can attach to a chat."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp.server.mcpserver.resources import ResourceTemplate
from mcp.server.mcpserver.resources.templates import DEFAULT_RESOURCE_SECURITY
from mcp.server.mcpserver.tools import Tool
from mcp.shared.uri_template import UriTemplate
from mcp.types import (
    CallToolResult,
    ListResourcesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    TextContent,
)

from cf_aig_gateway.errors import GatewayError, NotFound
from cf_aig_tools.cases_link import BOUND, MIME, NAMES, URI

if TYPE_CHECKING:
    from cf_aig_server.skills import Skills

Call = Context[Any, Any]
Request = ServerRequestContext[Any, Any]
Reader = Callable[..., Awaitable[str]]
"""Takes the variables of a resource's URI and `ctx`, and returns its text."""


@dataclass(frozen=True)
class Template:
    """A family of resources, each with the text that one tool returns, under that tool's limits."""

    tool: str
    name: str
    uri: str
    description: str


LOG = "ai-gateway://{gateway_id}/logs/{log_id}"
GATEWAY = Template(
    "list_gateways", "gateway", "ai-gateway://{gateway_id}", "A gateway: whether it keeps logs, cache, rate limit"
)
LOGS = (
    Template("get_log_details", "log", LOG, "A logged call: what happened, timing, tokens, cost"),
    Template("get_log_request_body", "request", f"{LOG}/request", "What a logged call sent"),
    Template("get_log_response_body", "response", f"{LOG}/response", "What came back"),
)
OF_CASES = {"list_logs", "get_log_request_body", "get_log_response_body"}
"""The tools that show the contents of a case."""

SKILLS = "io.modelcontextprotocol/skills"
"""The extension by which clients find skills (SEP-2640)."""

SKILL_SCHEME = "skill://"


def offers_cases(tools: Sequence[Tool]) -> bool:
    """Whether logs may be read as cases: only if all of these tools are allowed."""
    return {tool.name for tool in tools} >= OF_CASES


def add_resources(server: MCPServer[Any], tools: Sequence[Tool]) -> None:
    """Add the resources of the offered tools: a resource may not read what its tool may not."""
    offered = {tool.name: tool for tool in tools}
    if GATEWAY.tool in offered:
        _add(server, GATEWAY.uri, GATEWAY.name, GATEWAY.description, _gateway)
    for template in LOGS:
        if tool := offered.get(template.tool):
            _add_log(server, template, tool)
    if offers_cases(tools):
        description = f"Logs as test cases, one JSON line each: {BOUND}. Filters: as in list_logs"
        _add(server, URI, "cases", description, _cases, MIME)


def add_skills(server: MCPServer[Any], tools: Sequence[Tool]) -> None:
    """Add the skills whose tools are all offered. Their files are read with the first request for them."""

    @cache
    def skills() -> "Skills":
        from cf_aig_server.skills import Skills  # noqa: PLC0415

        return Skills({tool.name for tool in tools})

    async def listed(_: Request, __: PaginatedRequestParams) -> dict[str, Any]:
        return skills().list()

    async def got(_: Request, params: ReadResourceRequestParams) -> dict[str, Any]:
        return skills().get(params.uri)

    async def resources(_: Request, __: PaginatedRequestParams) -> ListResourcesResult:
        return ListResourcesResult(resources=[*await server.list_resources(), *skills().resources()])

    async def read(ctx: Request, params: ReadResourceRequestParams) -> Any:
        if params.uri.startswith(SKILL_SCHEME) and (contents := skills().read(params.uri)):
            return contents
        return await server._handle_read_resource(ctx, params)  # pyright: ignore[reportPrivateUsage] # it is what we replace

    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] # an Extension would be loaded at the start
    lowlevel.extensions[SKILLS] = {}
    lowlevel.add_request_handler("skills/list", PaginatedRequestParams, listed)
    lowlevel.add_request_handler("skills/get", ReadResourceRequestParams, got)
    lowlevel.add_request_handler("resources/list", PaginatedRequestParams, resources)
    lowlevel.add_request_handler("resources/read", ReadResourceRequestParams, read)


def _add(server: MCPServer[Any], uri: str, name: str, description: str, read: Reader, mime: str = "text/plain") -> None:
    """Add resources by template. `server.resource` would build validators for the function: 10 ms of the start."""
    template = ResourceTemplate(
        uri_template=uri,
        name=name,
        description=description,
        mime_type=mime,
        fn=read,
        parameters={},
        context_kwarg="ctx",
        parsed_template=UriTemplate.parse(uri),
        security=DEFAULT_RESOURCE_SECURITY,
    )
    server._resource_manager._templates[uri] = template  # pyright: ignore[reportPrivateUsage] # nothing else takes one


def _add_log(server: MCPServer[Any], template: Template, tool: Tool) -> None:
    async def read(gateway_id: str, log_id: str, ctx: Call) -> str:
        return await _said(tool, {"gateway_id": gateway_id, "log_id": log_id}, ctx)

    _add(server, template.uri, template.name, template.description, read)


async def _cases(gateway_id: str, ctx: Call, **asked: str) -> str:
    from cf_aig_gateway.one_line import unhidden_json  # noqa: PLC0415 (loads when it is read)
    from cf_aig_tools.cases.attached import attached  # noqa: PLC0415
    from cf_aig_tools.desk import desk_of  # noqa: PLC0415

    desk = desk_of(ctx)
    try:
        return unhidden_json(await attached(desk, gateway_id, dict.fromkeys(NAMES, "") | asked))
    except GatewayError as error:
        kind = ResourceNotFoundError if isinstance(error, NotFound) else ResourceError
        raise kind(desk.safe(str(error))) from error


async def _gateway(gateway_id: str, ctx: Call) -> str:
    from cf_aig_gateway.one_line import named  # noqa: PLC0415 (with the first call)
    from cf_aig_tools.desk import desk_of, time_limit  # noqa: PLC0415
    from cf_aig_tools.list_gateways import settings_of  # noqa: PLC0415

    desk = desk_of(ctx)
    try:
        with time_limit(desk.timeout_s):
            found = await desk.gateway.gateways(per_page=50, search=gateway_id)
    except GatewayError as error:
        raise ResourceError(desk.safe(str(error))) from error
    for gateway in found.items:
        if gateway.id == gateway_id and desk.allows(gateway_id):
            told = (f"{name}: {value}" for name, value in settings_of(gateway).items() if value is not None)
            return desk.safe("\n".join(told))
    raise ResourceNotFoundError(f"No gateway {named(gateway_id)}. list_gateways shows those that exist.")


async def _said(tool: Tool, arguments: dict[str, Any], ctx: Call) -> str:
    """Return a tool's result, with its errors as resource errors."""
    try:
        result = await tool.run(arguments, ctx)
    except ToolError as error:
        kind = ResourceNotFoundError if isinstance(error.__cause__, NotFound) else ResourceError
        raise kind(str(error)) from error
    parts = result.content if isinstance(result, CallToolResult) else []
    return "\n".join(part.text for part in parts if isinstance(part, TextContent))
