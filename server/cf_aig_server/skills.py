"""The skills: instructions for whole tasks, served as files over MCP, and installable as a plugin.

The extension `io.modelcontextprotocol/skills` (SEP-2640, final since 2026-09-13):
github.com/modelcontextprotocol/ext-skills, specification/stable/skills.mdx, read 2026-11-29.
"""

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, ReadResourceResult, Resource, TextResourceContents

from cf_aig_tools import TOOLS

FOLDER = Path(__file__).parent / "plugin/skills"

MIME = "text/markdown"

MAX_ECHO = 80
"""Maximum characters of an unknown address repeated in an error."""

TTL_MS = 3_600_000

CACHED: dict[str, Any] = {"ttlMs": TTL_MS, "cacheScope": "public"}

_HEAD = re.compile(r"---\r?\n(.*?)\n---\r?\n", re.DOTALL)
_TOOL = re.compile(rf"`({'|'.join(TOOLS)})`")


@dataclass(frozen=True)
class Skill:
    """A skill that consists of one file."""

    raw: bytes

    @property
    def text(self) -> str:
        """The file, byte for byte: clients compare its digest."""
        return self.raw.decode()

    @property
    def frontmatter(self) -> dict[str, str]:
        """The fields at its beginning, each on a line of its own and without quotes."""
        head = _HEAD.match(self.text)
        return dict(line.split(": ", 1) for line in head[1].splitlines()) if head else {}

    @property
    def uri(self) -> str:
        """Where it is read."""
        return f"skill://{self.frontmatter['name']}/SKILL.md"

    @property
    def tools(self) -> set[str]:
        """The tools that it tells to call."""
        return set(_TOOL.findall(self.text))

    def entry(self) -> dict[str, Any]:
        """Return it as it is listed."""
        digest = f"sha256:{hashlib.sha256(self.raw).hexdigest()}"
        file = {"uri": self.uri, "digest": digest, "size": len(self.raw)}
        return {"uri": self.uri, "frontmatter": self.frontmatter, "resources": [file]}

    def resource(self) -> Resource:
        """Return it as an ordinary resource."""
        front = self.frontmatter
        return Resource(
            uri=self.uri, name=front["name"], description=front["description"], mime_type=MIME, size=len(self.raw)
        )


def all_skills() -> list[Skill]:
    """Return the skills, by name."""
    return [Skill(path.read_bytes()) for path in sorted(FOLDER.glob("*/SKILL.md"))]


class Skills:
    """The skills whose tools are all offered."""

    def __init__(self, offered: Collection[str]) -> None:
        self._skills = {skill.uri: skill for skill in all_skills() if skill.tools <= {*offered}}

    def list(self) -> dict[str, Any]:
        """Answer `skills/list`: all of them, on one page."""
        return {"skills": [skill.entry() for skill in self._skills.values()], **CACHED}

    def get(self, uri: str) -> dict[str, Any]:
        """Answer `skills/get`.

        Raises:
            MCPError: there is no such skill.

        """
        if skill := self._skills.get(uri):
            return {"skill": skill.entry(), **CACHED}
        known = ", ".join(self._skills) or "none, because their tools are not offered"
        raise MCPError(INVALID_PARAMS, f"No skill is served at {uri[:MAX_ECHO]}. Known: {known}.")

    def resources(self) -> Iterable[Resource]:
        """Return them as ordinary resources, for clients that know no skills."""
        return (skill.resource() for skill in self._skills.values())

    def read(self, uri: str) -> ReadResourceResult | None:
        """Answer `resources/read`; None if it is none of their files."""
        if skill := self._skills.get(uri):
            contents = TextResourceContents(uri=uri, mime_type=MIME, text=skill.text)
            return ReadResourceResult(contents=[contents], ttl_ms=TTL_MS, cache_scope="public")
        return None
