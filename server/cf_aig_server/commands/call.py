"""Call one tool, and print its answer as a model would read it."""

import difflib
import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.server import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent, Tool

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.json_text import load_json
from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_server.app import build_server
from cf_aig_server.calling import mended
from cf_aig_server.command_line import PROGRAM, call_line
from cf_aig_server.settings import Settings
from cf_aig_tools import TOOLS

MODELS_OF_WORKERS_AI = ("@cf/", "@hf/")
"""Prefixes of model names that would otherwise be taken for files."""

KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "JSON list, or once for each value",
    "object": "JSON object",
}

WIDTH = 100

USAGE = f"""\
usage: {PROGRAM} call TOOL [name=value …] [--json] [--local [DB]]

A value is text, or JSON if the tool takes a number, a list or an object. name=@FILE reads the value from a file, and
name=- from stdin. A - by itself reads all arguments from stdin, as a JSON object. --json prints the structured result.
Exit codes: 0; 1 if the tool answers with an error; 2 if the command is wrong.
"""


def run(line: Sequence[str]) -> int:
    """Call a tool as the words after `call` say; return the exit code: 1 when the tool answers with an error.

    Raises:
        GatewayError: the words name no tool, or an argument is not name=value.
        OSError: a file cannot be read.

    """
    given = vars(call_line().parse_intermixed_args(line))
    words, is_help, is_json = given.pop("words"), given.pop("help"), given.pop("json")
    words = _with_strays(words, given)
    return anyio.run(_run, Settings(**given), words, is_help, is_json)


def _with_strays(words: list[str], given: dict[str, Any]) -> list[str]:
    """Return the words, including the one after a bare --local if it is a tool or an argument rather than a path."""
    stray = given.get("local", "")
    if stray in TOOLS or ("=" in stray and not Path(stray).exists()):
        given["local"] = "1"
        return [stray, *words] if stray in TOOLS else [*words, stray]
    return words


async def _run(settings: Settings, words: Sequence[str], is_help: bool, is_json: bool) -> int:
    server = build_server(settings)
    tools = {tool.name: tool for tool in await server.list_tools()}
    if not words:
        print(f"{USAGE}\n{listed(list(tools.values()))}")
        return 0
    name, *pairs = words
    if name not in tools:
        near = difflib.get_close_matches(name, tools, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(tools)}."
        raise GatewayError(f"There is no tool {name[:80]}: {hint}")
    if is_help:
        print(described(tools[name]))
        return 0
    given = arguments(pairs, as_object(tools[name].input_schema.get("properties")))
    return await _call(server, name, given, is_json)


async def _call(server: MCPServer[Any], name: str, given: dict[str, Any], is_json: bool) -> int:
    async with Client(server) as client:
        try:
            result = await client.call_tool(name, given)
        except MCPError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    if result.is_error:
        sys.stderr.write(f"{text}\n")
        return 1
    print(_structured(result, text) if is_json else text)
    return 0


def _structured(result: CallToolResult, text: str) -> str:
    """Return the structured result or, for a tool that returns only text, that text as a member."""
    held = {"text": text} if result.structured_content is None else result.structured_content
    return json.dumps(held, ensure_ascii=False)


def arguments(pairs: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """Read a tool's arguments, name=value. A repeated argument becomes a list if the tool accepts one.

    Raises:
        GatewayError: a word is not name=value, a value is given twice, or stdin isn't a JSON object.
        OSError: a file cannot be read.

    """
    given: dict[str, Any] = {}
    stdin = cache(sys.stdin.read)
    for pair in pairs:
        if pair == "-":
            given |= _object(stdin())
            continue
        name, sign, text = pair.partition("=")
        if not name or not sign:
            raise GatewayError(f"{pair[:80]!r} is not name=value, such as success=false.")
        schema = as_object(known.get(name))
        value = stdin().removesuffix("\n") if text == "-" else _text(text)
        if schema.get("type") == "array":
            given[name] = [*as_list(given.get(name)), *mended(value, schema)]
        elif name in given:
            raise GatewayError(f"{name} is given twice.")
        else:
            given[name] = value
    return given


def _text(text: str) -> str:
    """Return a value unchanged, or the text of the file that it names."""
    if not text.startswith("@") or text.startswith(MODELS_OF_WORKERS_AI):
        return text
    try:
        return Path(text[1:]).expanduser().read_text(encoding="utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise GatewayError(f"{text[1:]} is no UTF-8 text.") from None


def _object(text: str) -> dict[str, Any]:
    try:
        value = load_json(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise GatewayError("stdin is not a JSON object of arguments.")
    return as_object(value)


def listed(tools: Sequence[Tool]) -> str:
    """Return a line for each tool."""
    width = max(len(tool.name) for tool in tools)
    return "\n".join(f"{tool.name:<{width}}  {_sentence(tool.description or '')}" for tool in tools)


def _sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")


def described(tool: Tool) -> str:
    """Return what a tool does, and a line for each of its arguments."""
    required = as_list(tool.input_schema.get("required"))
    known = as_object(tool.input_schema.get("properties"))
    width = max(map(len, known))
    lines = [
        textwrap.fill(
            f"{name:<{width}}  {_argument(as_object(schema), is_required=name in required)}",
            WIDTH,
            subsequent_indent=" " * (width + 2),
        )
        for name, schema in known.items()
    ]
    usage = f"usage: {PROGRAM} call {tool.name} [name=value …]"
    return "\n".join([usage, "", textwrap.fill(tool.description or "", WIDTH), "", *lines])


def _argument(schema: Mapping[str, Any], *, is_required: bool) -> str:
    choices = as_list(schema.get("enum"))
    kind = ", ".join(str(each) or '""' for each in choices) or KINDS.get(str(schema.get("type")), "text or JSON")
    bounds = [str(schema[name]) for name in ("minimum", "maximum") if name in schema]
    kind += f" {' to '.join(bounds)}" if len(bounds) > 1 else f" from {bounds[0]}" if bounds else ""
    default = f" ({schema['default']})" if "default" in schema else " (required)" if is_required else ""
    told = f": {schema['description']}" if "description" in schema else ""
    return f"{kind}{default}{told}"
