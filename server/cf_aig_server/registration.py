"""How a tool function becomes a tool: its schema, and what a bad call is told."""

import difflib
from collections.abc import Iterable
from copy import deepcopy
from types import ModuleType
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from pydantic import ValidationError

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.shapes import as_list, as_object

MAX_ECHO = 80
"""Characters of a refused value that an error repeats."""


class GatewayTool(Tool):
    """A tool whose errors are sentences for a model: what was wrong, what to try."""

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,  # noqa: ARG002 (every tool returns a ready CallToolResult)
    ) -> Any:
        """Check the arguments, call the tool, and word what went wrong."""
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            self._refuse_unknown(given)
            values = self.fn_metadata.validate_arguments(given)
            return await self.fn(**values, **{self.context_kwarg or "ctx": context})
        except ValidationError as error:
            raise ToolError("\n".join(_sentence(entry) for entry in error.errors(include_url=False))) from error
        except GatewayError as error:
            raise ToolError(str(error)) from error

    def _refuse_unknown(self, given: Iterable[str]) -> None:
        known = list(self.parameters["properties"])
        wrong = [name for name in given if name not in known]
        if wrong:
            raise ToolError("\n".join(_unknown(name, known) for name in wrong))


def tools(modules: Iterable[ModuleType]) -> list[Tool]:
    """Return the modules' tools, in their order."""
    return [_tool(module) for module in modules]


def _tool(module: ModuleType) -> Tool:
    name = module.__name__.rpartition(".")[2]
    tool = GatewayTool.from_function(
        getattr(module, name), annotations=module.ANNOTATIONS, title=module.ANNOTATIONS.title
    )
    tool.parameters = flat(tool.parameters)
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


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known)}."
    return f"Unknown argument {name[:MAX_ECHO]}: {hint}"


def _sentence(entry: Any) -> str:
    where = ".".join(str(part) for part in entry["loc"])
    value = repr(entry["input"])
    value = value if len(value) <= MAX_ECHO else value[:MAX_ECHO] + "…"
    return f"{where}: {entry['msg']} (got {value})."
