"""Runs the whole debugging workflow with a real MCP client over a real pipe, on a temporary local gateway."""

import json
import os
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import CallToolResult, TextContent

from cf_aig_gateway.shapes import as_list, as_object

WIDTH = 110
"""Column at which text is wrapped; identifiers are never broken."""

CHATS: list[tuple[str, dict[str, Any]]] = [
    ("A chat that succeeds.", {"model": "openai/gpt-4o-mini", "prompt": "Why is the sky blue?"}),
    ("Another provider, tagged with metadata.", {
        "model": "anthropic/claude-sonnet-4-5",
        "prompt": "Name the color of the sky.",
        "metadata": {"userId": "u12"},
    }),
    ("A model that was retired.", {"model": "openai/gpt-4o-mini-retired", "prompt": "Why is the sky blue?"}),
    ("A provider that is overloaded.", {
        "model": "openai/gpt-4o",
        "system": "You are a support agent.",
        "prompt": "Where is my order 3391? [simulate: overloaded]",
    }),
]  # fmt: skip


def run(*, keep: bool) -> None:
    """Run the workflow in a temporary folder, and delete it unless asked to keep it."""
    if keep:
        folder = Path(tempfile.mkdtemp(prefix="ai-gateway-demo-"))
        anyio.run(_workflow, folder / "gateway.db")
        print(f"\nKept: {folder / 'gateway.db'}  (serve --local {folder / 'gateway.db'} reads it)")
        return
    with tempfile.TemporaryDirectory(prefix="ai-gateway-demo-") as name:
        anyio.run(_workflow, Path(name) / "gateway.db")


async def _workflow(database: Path) -> None:
    arguments = ["-m", "cf_aig_server", "serve", "--local", str(database)]
    server = StdioServerParameters(command=sys.executable, args=arguments)
    async with Client(stdio_client(server)) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        print(f"An MCP client started `serve --local` and found {len(tools)} tools: {', '.join(tools)}.")
        for purpose, arguments in CHATS:
            await _call(client, purpose, "chat_via_gateway", arguments)
        await _call(client, "What do they add up to, and why did calls fail?", "summarize_logs", {"start_date": "1h"})
        listed = await _call(client, "Which calls failed?", "list_logs", {"success": False})
        newest, oldest = _ids(listed)
        log = {"log_id": newest}
        await _call(client, "What happened to the newest of them?", "get_log_details", log)
        await _call(client, "What was sent?", "get_log_request_body", log)
        await _call(client, "What came back?", "get_log_response_body", log)
        await _send_again(client, {"log_id": oldest, "model": "gpt-4o-mini"})
        await _call(
            client, "Record that the call went wrong.", "patch_log_feedback", log | {"feedback": -1, "score": 10}
        )
        await _call(client, "The same row, found by its feedback.", "list_logs", {"feedback": -1, "fields": FIELDS})
    _farewell()


FIELDS = ["time", "model", "status", "feedback", "score"]


async def _send_again(client: Client, replay: dict[str, Any]) -> None:
    shown = await _call(client, "What if the failed call used another model?", "replay_log", replay)
    code = as_object(shown.structured_content)["code"]
    sent = await _call(client, "Send exactly that.", "replay_log", replay | {"code": code})
    new = as_object(as_object(sent.structured_content)["reply"])["log_id"]
    await _call(client, "What changed?", "compare_logs", {"log_id": replay["log_id"], "other_log_id": new})


def _ids(listed: CallToolResult) -> list[str]:
    return [str(as_list(row)[0]) for row in as_list(as_object(listed.structured_content)["rows"])]


async def _call(client: Client, purpose: str, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    result = await client.call_tool(tool, arguments)
    said = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    shown = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
    print(f"\n{purpose}\n{_bold(f'{tool}({shown})')}")
    print("\n".join(_folded(line) for line in said.splitlines()))
    return result


def _folded(line: str) -> str:
    return textwrap.fill(
        line,
        WIDTH,
        initial_indent="    ",
        subsequent_indent="    ",
        drop_whitespace=False,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _bold(text: str) -> str:
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\x1b[1m{text}\x1b[0m"


def _farewell() -> None:
    command = Path(sys.executable).with_name("cloudflare-ai-gateway-mcp")
    print(
        f"""
That was one agent's debugging session. To use it in Claude Code with a gateway on this machine:
    claude mcp add cloudflare-ai-gateway -- {command} serve --local
With your Cloudflare account, set two variables instead of --local:
    claude mcp add cloudflare-ai-gateway -e CLOUDFLARE_ACCOUNT_ID=… -e CLOUDFLARE_API_TOKEN=… -- {command}"""
    )
