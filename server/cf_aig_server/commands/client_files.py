"""How clients start the server: the configuration to give them, and the entries in their files."""

import json
import os
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_server.app import NAME
from cf_aig_server.command_line import PROGRAM
from cf_aig_server.commands.finding import Finding
from cf_aig_server.settings import Settings

IN_HOME = (
    ".claude.json",
    ".codex/config.toml",
    ".cursor/mcp.json",
    ".gemini/settings.json",
    ".copilot/mcp-config.json",
    ".config/opencode/opencode.json",
    ".config/zed/settings.json",
    ".config/Claude/claude_desktop_config.json",
    "Library/Application Support/Claude/claude_desktop_config.json",
)
IN_PROJECT = (".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json", ".gemini/settings.json", "opencode.json")


def command() -> str:
    """Return the path of the command that a client starts."""
    return str(Path(sys.executable).with_name(PROGRAM))


def configurations(settings: Settings) -> str:
    """Return the configuration in each client's form, without the token."""
    environment = _environment(settings)
    server: dict[str, Any] = {"command": command(), "args": [], "env": environment}
    plain = json.dumps({"mcpServers": {NAME: server}}, indent=2)
    code = json.dumps({"servers": {NAME: {"type": "stdio", **server}}}, indent=2)
    pairs = [shlex.quote(f"{key}={value}") for key, value in environment.items()]
    short, long = (" ".join(f"{flag} {pair}" for pair in pairs) for flag in ("-e", "--env"))
    started = shlex.quote(command())
    return f"""\
Claude Code, Codex, Copilot CLI, Gemini CLI:
claude mcp add {NAME} {short} -- {started}
codex mcp add {NAME} {long} -- {started}
copilot mcp add {NAME} {long} -- {started}
gemini mcp add {NAME} -s user {short} {started}

Claude Desktop (claude_desktop_config.json), Cursor (.cursor/mcp.json), and a plain mcp.json:
{plain}

VS Code (.vscode/mcp.json):
{code}"""


def _environment(settings: Settings) -> dict[str, str]:
    if settings.local:
        path = settings.local_path() if settings.local != "1" else None
        return {"AI_GATEWAY_LOCAL": str(path.absolute()) if path else "1"}
    held = {"CLOUDFLARE_ACCOUNT_ID": settings.account_id or "…"}
    if settings.api_token_file:
        held["CLOUDFLARE_API_TOKEN_FILE"] = str(settings.api_token_file.absolute())
    else:
        held["CLOUDFLARE_API_TOKEN"] = "…"  # noqa: S105 (a gap to fill in)
    return held | {"AI_GATEWAY_ID": settings.gateway_id}


def places() -> list[Path]:
    """Return where clients keep their configuration: for this user, and for the project in this folder."""
    desktop = [Path(folder, "Claude", "claude_desktop_config.json") for folder in [os.environ.get("APPDATA")] if folder]
    named = [*(Path.home() / name for name in IN_HOME), *desktop, *(Path.cwd() / name for name in IN_PROJECT)]
    return list(dict.fromkeys(named))


def client_findings(paths: list[Path]) -> Iterator[Finding]:
    """Yield what is wrong, or right, with each entry of this server in the clients' files.

    Files without one are skipped.
    """
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            continue
        if NAME not in text:
            continue
        try:
            held = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except ValueError as error:
            yield _unread(path, text, error)
            continue
        yield from (_entry(path, entry) for entry in _entries(held))


def _unread(path: Path, text: str, error: ValueError) -> Finding:
    line = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else str(error)
    if "\\" in text:
        return Finding("fix", "client", f"{path} cannot be read ({line}): in paths, double each backslash or use /")
    return Finding("note", "client", f"{path} was not checked: it is not plain {path.suffix[1:].upper()} ({line})")


def _entries(held: Any) -> Iterator[dict[str, Any]]:
    """Yield the entries of this server, wherever they are in a configuration."""
    for name, value in as_object(held).items():
        entry = as_object(value)
        if name == NAME and "command" in entry:
            yield entry
        else:
            yield from _entries(value)


def _entry(path: Path, entry: dict[str, Any]) -> Finding:
    given = entry["command"]
    started = str(next(iter(as_list(given)), "") if isinstance(given, list) else given)
    if entry.get("disabled") is True or entry.get("enabled") is False:
        return Finding("fix", "client", f"{path} has {NAME} switched off")
    if Path(started).name != started and not Path(started).is_absolute():
        return Finding("fix", "client", f"{path} starts {started}, a relative path: write {command()}")
    if not shutil.which(started):
        return Finding("fix", "client", f"{path} starts {started}, which does not exist: write {command()}")
    return Finding("ok", "client", f"{path} starts {started}")
