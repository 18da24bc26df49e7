"""How a tool function becomes a tool: its schema, and what a bad call is told."""

import difflib
import json
from collections.abc import Collection, Sequence
from copy import deepcopy
from types import ModuleType
from typing import Any, cast

from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, TextContent
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.json_text import load_json
from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_tools.desk import Desk, time_limit
from cf_aig_tools.progress import progress
from cf_aig_tools.reading.masking import Masker

MAX_ECHO = 80
"""Characters of a refused value that an error repeats."""


class GatewayTool(Tool):
    """A tool that forgives a model's slips, and whose errors are sentences: what was wrong, what to try."""

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,  # noqa: ARG002 (every tool returns a ready CallToolResult)
    ) -> CallToolResult:
        """Check the arguments, call the tool, mask what it says, and word what went wrong."""
        desk = cast(Desk, context.request_context.lifespan_context)
        try:
            values = self.fn_metadata.validate_arguments(self._given(arguments, desk))
            _refuse_gateway(values, desk)
            with time_limit(desk.timeout_s, self._when_stopped()):
                async with progress(context):
                    result = await self.fn(**values, **{self.context_kwarg or "ctx": context})
            return masked(result, desk.masker)
        except ValidationError as error:
            raise ToolError(desk.masker.mask("\n".join(map(_sentence, error.errors(include_url=False))))) from error
        except GatewayError as error:
            raise ToolError(desk.masker.mask(str(error))) from error
        except MCPError:
            raise
        except Exception as error:
            raise UnexpectedToolError(f"{self.name} failed unexpectedly; the server's own log says why.") from error

    def _when_stopped(self) -> str:
        if self.annotations and self.annotations.read_only_hint:
            return "Try again, or ask for less: fewer logs, a shorter span."
        return "It may have been carried out, and paid for, all the same: check with list_logs before trying again."

    def _given(self, arguments: dict[str, Any], desk: Desk) -> dict[str, Any]:
        """Return the arguments by the schema: null is omitted, and slips are mended."""
        given = {name: value for name, value in arguments.items() if value is not None}
        account = given.pop("account_id", desk.gateway.account)
        if account != desk.gateway.account:
            raise GatewayError("account_id is another account than the configured one: omit it.")
        known = as_object(self.parameters["properties"])
        if wrong := [name for name in given if name not in known]:
            raise GatewayError("\n".join(_unknown(name, list(known)) for name in wrong))
        return {name: mended(value, as_object(known[name])) for name, value in given.items()}


def _refuse_gateway(values: dict[str, Any], desk: Desk) -> None:
    gateway = values.get("gateway_id", "") or desk.default_gateway
    if "gateway_id" in values and not desk.allows(gateway):
        allowed = ", ".join(sorted(desk.gateways))
        raise GatewayError(f"Gateway {gateway[:MAX_ECHO]} is not among those allowed: {allowed}.")


def tools(modules: Sequence[ModuleType], *, names: Collection[str], read_only: bool) -> list[Tool]:
    """Return the modules' tools that the operator offers, in their order.

    Raises:
        GatewayError: a name is no tool's.

    """
    known = [module.__name__.rpartition(".")[2] for module in modules]
    if wrong := [name for name in names if name not in known]:
        raise GatewayError(f"AI_GATEWAY_TOOLS: there is no tool {wrong[0][:MAX_ECHO]}, only {', '.join(known)}.")
    offered = [module for module in modules if not read_only or module.ANNOTATIONS.read_only_hint]
    made = [_tool(module) for module in offered]
    return [tool for tool in made if not names or tool.name in names]


def _tool(module: ModuleType) -> Tool:
    name = module.__name__.rpartition(".")[2]
    title = module.ANNOTATIONS.title
    tool = GatewayTool.from_function(getattr(module, name), annotations=module.ANNOTATIONS, title=title)
    tool.description = " ".join(tool.description.split())
    tool.parameters = flat(tool.parameters)
    if tool.fn_metadata.output_schema:
        tool.fn_metadata.output_schema = flat(tool.fn_metadata.output_schema)
    return tool


def flat(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that strict clients take: no titles, no $defs, no null beside a type, nothing unknown allowed."""
    schema = deepcopy(schema)
    return {**_plain(schema, schema.pop("$defs", {})), "additionalProperties": False}


def _plain(value: Any, defs: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_plain(item, defs) for item in as_list(value)]
    if not isinstance(value, dict):
        return value
    schema = as_object(value)
    if "$ref" in schema:
        target = defs[schema.pop("$ref").rpartition("/")[2]]
        return _plain({**target, **schema}, defs)
    if arms := [arm for arm in schema.pop("anyOf", []) if arm.get("type") != "null"]:
        return _plain({**schema, **(arms[0] if len(arms) == 1 else {})}, defs)
    if isinstance(schema.get("title"), str):
        del schema["title"]
    if schema.get("default", 0) in (None, "", [], {}):
        del schema["default"]
    return {key: _plain(held, defs) for key, held in schema.items()}


def mended(value: Any, schema: dict[str, Any]) -> Any:
    """Return what a model meant: "20" for a number, one value for a list, JSON text for an object."""
    kind = schema.get("type")
    if isinstance(value, str) and kind != "string":
        value = _decoded(value)
    return as_list(value) or [value] if kind == "array" and value != [] else value


def _decoded(text: str) -> Any:
    try:
        return load_json(text)
    except ValueError:
        return text


def masked(result: CallToolResult, masker: Masker) -> CallToolResult:
    """Return a result with the secrets in both of its channels masked: the only way out for text from a log."""
    content = [
        TextContent(type="text", text=masker.mask(part.text)) if isinstance(part, TextContent) else part
        for part in result.content
    ]
    return result.model_copy(
        update={"content": content, "structured_content": masker.masked(result.structured_content)}
    )


def refuse_unknown_tools(server: MCPServer[Any]) -> ServerMiddleware[Any]:
    """Return what answers a call of a tool that the server lacks with -32602, as the specification has it."""
    known = server._tool_manager  # pyright: ignore[reportPrivateUsage] # asked for all its tools, it takes 40 µs

    async def middleware(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        name = str(as_object(ctx.params).get("name"))
        if ctx.method == "tools/call" and known.get_tool(name) is None:
            names = ", ".join(tool.name for tool in await server.list_tools())
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {name[:MAX_ECHO]}. There are {names}.")
        return await call_next(ctx)

    return middleware


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known)}."
    return f"Unknown argument {name[:MAX_ECHO]}: {hint}"


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "dict": "an object",
    "list": "a list",
    "model": "an object",
}


def _sentence(entry: ErrorDetails) -> str:
    where = ".".join(str(part) for part in entry["loc"])
    if entry["type"] == "missing":
        return f"{where} is required."
    value = json.dumps(entry["input"], ensure_ascii=False, default=str)
    value = value if len(value) <= MAX_ECHO else value[: MAX_ECHO - 1] + "…"
    return f"{where} must be {_demand(entry)} (got {value})."


def _demand(entry: ErrorDetails) -> str:
    bounds = entry.get("ctx", {})
    match entry["type"]:
        case "less_than_equal":
            return f"at most {bounds['le']}"
        case "greater_than_equal":
            return f"at least {bounds['ge']}"
        case "literal_error":
            return str(bounds["expected"])
        case "string_too_short" | "too_short":
            return "given, not empty"
        case "value_error":
            return str(bounds["error"]).removeprefix("must be ")
        case kind if kind.partition("_")[0] in _KINDS:
            return _KINDS[kind.partition("_")[0]]
        case _:
            return f"right: {entry['msg']}"
