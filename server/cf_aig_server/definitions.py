"""The definition of a tool that clients receive, from its code."""

from copy import deepcopy
from importlib import import_module
from typing import Any

from mcp.server.mcpserver.tools import Tool
from mcp.types import Tool as Definition

from cf_aig_gateway.shapes import as_list, as_object


def definition(name: str) -> Definition:
    """Return the name, description and schemas of a tool, made from its module."""
    module = import_module(f"cf_aig_tools.{name}")
    tool = Tool.from_function(getattr(module, name))
    output = tool.output_schema
    return Definition(
        name=name,
        title=module.ANNOTATIONS.title,
        description=" ".join(tool.description.split()),
        input_schema=flat(tool.parameters),
        output_schema=flat(output) if output else None,
        annotations=module.ANNOTATIONS,
    )


def flat(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that strict clients accept: no titles, no $defs, no nullable types, no additional properties."""
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
