"""Every command, path, variable and configuration in the documents exists."""

import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest
from mcp import Client, StdioServerParameters, stdio_client

from cf_aig_server.command_line import command_line
from cf_aig_server.commands.completion import candidates
from cf_aig_server.settings import KEY_PREFIX, Settings
from cf_aig_tools import TOOLS

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "gateway/README.md",
    "docs/configuration.md",
    "docs/architecture.md",
]
OURS = "cloudflare-ai-gateway-mcp"

CLIENTS = re.compile(r"(claude|codex|gemini|copilot) mcp add ")
BY_HAND = {"docker build", "docker run", "git tag", "claude plugin", "codex plugin"}
"""Beginnings of commands that these tests can't check."""


METHODS = {"tools/list", "tools/call"}
"""Words that look like paths, but are methods of the protocol."""


class Command(NamedTuple):
    document: str
    line: str

    @property
    def variables(self) -> list[str]:
        return re.findall(r"^((?:[A-Z_]+=\S+ )*)", self.line)[0].split()

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line, comments=True)[len(self.variables) :]


def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text(document), re.DOTALL | re.MULTILINE)


def commands() -> Iterator[Command]:
    """Yield the lines of the indented blocks. A line that ends with a backslash continues."""
    for document in DOCUMENTS:
        prose = re.sub(r"^```.*?^```", "", text(document), flags=re.DOTALL | re.MULTILINE)
        lines = re.findall(r"(?:^\n|\A)((?:^ {4}\S.*\n| {6,}\S.*\n)+)", prose, re.MULTILINE)
        for block in lines:
            for line in block.replace("\\\n", " ").splitlines():
                yield Command(document, " ".join(line.split()))


COMMANDS = list(commands())


def named(parts: list[str]) -> list[str]:
    """Return a command's words that may be paths in this repository."""
    return [part for part in parts if re.match(r"(tests|benchmarks|tools|server|gateway|docs)\b", part)]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))


def parse(arguments: list[str]) -> None:
    """Let the real parser read them; it exits on an error. `call` has its own parser, which needs an existing tool."""
    if arguments[:1] == ["call"]:
        assert arguments[1] in TOOLS
        return
    command_line().parse_args(arguments)


def is_known(command: Command) -> bool:
    """Whether a command exists, as far as that can be checked without running it."""
    first, *rest = command.words
    known = {str(field.validation_alias) for field in Settings.model_fields.values()} | {"UPDATE_SNAPSHOTS"}
    assert {pair.partition("=")[0] for pair in command.variables} <= known
    if Path(first).name == OURS:
        parse(rest)
        return True
    if CLIENTS.match(command.line):
        at = next(at for at, word in enumerate(command.words) if Path(word).name == OURS)
        parse(command.words[at + 1 :])
        return True
    if first == "make":
        return rest[0] in targets()
    if first in {".venv/bin/python", "pytest"}:
        return all((ROOT / path).exists() for path in named(rest))
    return (
        command.line.startswith(("python3 -m venv ", ".venv/bin/pip install "))
        or " ".join(command.words[:2]) in BY_HAND
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.document}: {command.line[:60]}")
def test_a_command_exists(command: Command) -> None:
    assert is_known(command), command


SUBCOMMANDS = dict(candidates([""]))
INLINE = re.compile(rf"(?:\S*/)?{OURS} (\w[^`|)\\]*)")


def inline_commands() -> Iterator[str]:
    """Yield commands in sentences and tables: with the program's name, or just a subcommand with options."""
    for document in [*DOCUMENTS, "CHANGELOG.md"]:
        prose = re.sub(r"^(```.*?^```|    .*?)$", "", text(document), flags=re.DOTALL | re.MULTILINE)
        for span in re.findall(r"`([^`\n]+)`", prose):
            if found := INLINE.search(span):
                yield found[1]
            elif re.match(rf"({'|'.join(SUBCOMMANDS)}) --", span):
                yield span


@pytest.mark.parametrize("written", sorted({*inline_commands()}))
def test_a_command_in_a_sentence_exists(written: str) -> None:
    parse(shlex.split(written.replace('"', "")))


def test_the_documents_have_commands() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/configuration.md", "gateway/README.md"} <= {
        each.document for each in COMMANDS
    }
    assert len(COMMANDS) > 25


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_targets_and_variables_exist(document: str) -> None:
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text(document), flags=re.DOTALL | re.MULTILINE))
    paths = [
        span for span in spans if re.fullmatch(r"(\.ci|tests|benchmarks|tools|server|gateway|docs)/[\w./-]+", span)
    ]
    paths += re.findall(r"(?<= )(?:tools|server|gateway)/cf_aig_[\w./]+", text(document))  # in diagrams
    made = [span.split()[1] for span in spans if re.fullmatch(r"make [a-z-]+( .*)?", span)]
    variables = [name for span in spans for name in re.findall(r"\b(?:CLOUDFLARE|AI_GATEWAY|CF_AIG)_[A-Z_]+\b", span)]
    known = {str(field.validation_alias) for field in Settings.model_fields.values()}

    assert [path for path in paths if not (ROOT / path).exists() and path not in METHODS] == []
    assert [target for target in made if target not in targets()] == []
    assert [name for name in variables if name not in known and not name.startswith(KEY_PREFIX)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text(document)):
        path, _, anchor = target.partition("#")
        page = (ROOT / document).parent / path if path else ROOT / document
        assert page.exists(), target
        if anchor:
            assert anchor in {
                slug(title) for title in re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
            }, target


def slug(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def configured(value: Any) -> Iterator[list[str]]:
    """Yield every command in a client's configuration, with its arguments."""
    if isinstance(value, dict):
        if command := value.get("command"):
            assert set(value.get("env", value.get("environment", {}))) <= {
                "CLOUDFLARE_ACCOUNT_ID",
                "CLOUDFLARE_API_TOKEN",
            }
            yield [*command, *value.get("args", [])] if isinstance(command, list) else [command, *value.get("args", [])]
        for held in value.values():
            yield from configured(held)


def configurations() -> list[list[str]]:
    found = [each for block in blocks("README.md", "json") for each in configured(json.loads(block))]
    found += [each for block in blocks("README.md", "toml") for each in configured(tomllib.loads(block))]
    (goose,) = blocks("README.md", "yaml")
    (command,) = re.findall(r"^ +cmd: (.*)$", goose, re.MULTILINE)
    (arguments,) = re.findall(r"^ +args: (.*)$", goose, re.MULTILINE)
    return [*found, [command, *json.loads(arguments)]]


@pytest.mark.anyio
async def test_each_configuration_starts_the_server() -> None:
    started = configurations()

    assert len(started) >= 6
    assert {Path(command).name for command, *_ in started} == {OURS}
    for arguments in {tuple(arguments) for _, *arguments in started}:
        server = StdioServerParameters(command=sys.executable, args=["-m", "cf_aig_server", *arguments])
        with anyio.fail_after(30):
            async with Client(stdio_client(server)) as client:
                assert (await client.list_tools()).tools
