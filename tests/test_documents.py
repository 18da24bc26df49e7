"""The documents agree with the code."""

import json
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import architecture
import pytest
from mcp import Client
from mcp.server.mcpserver.prompts import Prompt
from mcp.types import Tool

from cf_aig_server.app import build_server
from cf_aig_server.prompts import prompts
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent
UPDATE = os.environ.get("UPDATE_SNAPSHOTS")


async def tools() -> list[Tool]:
    async with Client(build_server(Settings())) as client:
        return (await client.list_tools()).tools


async def test_the_readme_lists_the_tools() -> None:
    """`UPDATE_SNAPSHOTS=1 make test` rewrites the table."""
    path = ROOT / "README.md"
    rows = "".join(f"| `{tool.name}` | {tool.description} |\n" for tool in await tools())
    table = rf"\1| tool | what it does |\n|---|---|\n{rows}\2"
    text = path.read_text(encoding="utf-8")
    wanted = re.sub(r"(<!-- tools:[^\n]*-->\n).*?(<!-- /tools -->)", table, text, flags=re.DOTALL)
    if UPDATE:
        path.write_text(wanted, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == wanted


async def test_the_manifest_lists_the_tools() -> None:
    """`UPDATE_SNAPSHOTS=1 make test` rewrites the list."""
    path = ROOT / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    wanted = [{"name": tool.name, "description": tool.description} for tool in await tools()]
    if UPDATE:
        path.write_text(json.dumps(manifest | {"tools": wanted}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    assert json.loads(path.read_text(encoding="utf-8"))["tools"] == wanted


def test_the_manifest_lists_the_prompts() -> None:
    """`UPDATE_SNAPSHOTS=1 make test` rewrites the list."""
    path = ROOT / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    wanted = [in_manifest(prompt) for prompt in prompts()]
    if UPDATE:
        path.write_text(
            json.dumps(manifest | {"prompts": wanted}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )

    assert json.loads(path.read_text(encoding="utf-8"))["prompts"] == wanted


def in_manifest(prompt: Prompt) -> dict[str, Any]:
    names = [argument.name for argument in prompt.arguments or []]
    text = prompt.fn(**{name: f"${{arguments.{name}}}" for name in names})
    return {"name": prompt.name, "description": prompt.description, "arguments": names, "text": text}


@pytest.mark.parametrize(("mark", "made"), [("diagram", architecture.diagram), ("packages", architecture.table)])
def test_the_architecture_is_drawn_from_the_code(mark: str, made: Callable[[], str]) -> None:
    """`UPDATE_SNAPSHOTS=1 make test` redraws it."""
    path = ROOT / "docs/architecture.md"
    text = path.read_text(encoding="utf-8")
    wanted = re.sub(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", rf"\1{made()}\2", text, flags=re.DOTALL)
    if UPDATE:
        path.write_text(wanted, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == wanted


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    manifest = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    server = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))

    assert manifest["version"] == server["version"] == server["packages"][0]["version"] == project["version"]


def test_the_registry_entry_is_valid() -> None:
    server = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    known = {str(field.validation_alias) for field in Settings.model_fields.values()}

    assert len(server["description"]) <= 100
    assert f"mcp-name: {server['name']}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert {variable["name"] for variable in server["packages"][0]["environmentVariables"]} <= known


def test_the_configuration_page_names_every_variable() -> None:
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    names = [str(field.validation_alias) for field in Settings.model_fields.values() if field.validation_alias]

    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_dependency_has_a_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    dependencies = [line for line in lines if re.match(r'    "[a-z0-9-]+(\[\w+\])?>=', line)]

    assert len(dependencies) > 10
    assert [line for line in dependencies if "# " not in line] == []
