"""Calls a tool, and explains invalid calls."""

import difflib
import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.utilities.func_metadata import func_metadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent
from mcp.types import Tool as Definition
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.json_text import load_json
from cf_aig_gateway.one_line import named
from cf_aig_gateway.refusals import under_way
from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_tools.desk import Desk, desk_of, time_limit
from cf_aig_tools.progress import progress

MAX_ECHO = 80
"""Maximum characters of a rejected value repeated in an error."""


class Code:
    """The code of a tool.

    It tolerates a model's typical mistakes, and its errors say what was wrong and what to try.
    """

    def __init__(self, definition: Definition) -> None:
        self._name = definition.name
        self._function = getattr(import_module(f"cf_aig_tools.{self._name}"), self._name)
        self._arguments = func_metadata(self._function, skip_names=["ctx"], structured_output=False)
        self._known: Mapping[str, Any] = as_object(definition.input_schema["properties"])
        self._is_read_only = bool(definition.annotations and definition.annotations.read_only_hint)

    async def call(self, arguments: dict[str, Any], context: Context[Any, Any]) -> CallToolResult:
        """Validate the arguments, call the function, mask its result, and word its errors.

        Raises:
            ToolError: the call was refused or failed; the message is written for a model.

        """
        desk = desk_of(context)
        try:
            values = self._arguments.validate_arguments(self._given(arguments, desk))
            if "gateway_id" in values:
                desk.check_allowed(values["gateway_id"] or desk.default_gateway)
            with time_limit(desk.timeout_s, self._when_stopped):
                async with progress(context):
                    result = await self._function(context, **values)
            return _safe(result, desk)
        except ValidationError as error:
            raise ToolError(desk.safe("\n".join(map(_sentence, error.errors(include_url=False))))) from error
        except GatewayError as error:
            raise ToolError(desk.safe(str(error))) from error
        except MCPError:
            raise
        except Exception as error:
            raise UnexpectedToolError(f"{self._name} failed unexpectedly; see the server's own log.") from error

    def _when_stopped(self) -> str:
        if self._is_read_only:
            return "Try again, or ask for less: fewer logs or a shorter time range."
        return under_way.get() or "Nothing was sent yet. Try again."

    def _given(self, arguments: dict[str, Any], desk: Desk) -> dict[str, Any]:
        """Return the arguments in the form the schema requires: null is omitted, and typical mistakes are corrected."""
        given = {name: value for name, value in arguments.items() if value is not None}
        account = given.pop("account_id", desk.gateway.account)
        if account != desk.gateway.account:
            raise GatewayError("account_id is not the configured account: omit it.")
        if wrong := [name for name in given if name not in self._known]:
            raise GatewayError("\n".join(_unknown(name, list(self._known)) for name in wrong))
        return {name: mended(value, as_object(self._known[name])) for name, value in given.items()}


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


def _safe(result: CallToolResult, desk: Desk) -> CallToolResult:
    """Return a result that is safe to send in both channels; this is the only way out for text from a log."""
    said = [[part.text for part in result.content if isinstance(part, TextContent)], result.structured_content]
    safe = desk.safe(said)
    if safe is said:
        return result
    texts, structured = iter(safe[0]), safe[1]
    content = [
        TextContent(type="text", text=next(texts)) if isinstance(part, TextContent) else part for part in result.content
    ]
    return result.model_copy(update={"content": content, "structured_content": structured})


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}."
    return f"Unknown argument {named(name, MAX_ECHO)}: {hint}"


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
