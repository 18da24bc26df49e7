"""A request or a reply, independent of its wire format."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cf_aig_gateway.formats.usage import Usage

INSTRUCTIONS = frozenset({"system", "developer"})
"""Roles of turns that are the same in every call."""


@dataclass(frozen=True)
class ToolCall:
    """A tool that a model called; `arguments` as the model wrote them: JSON, or free text such as code."""

    id: str
    name: str
    arguments: str
    is_free: bool = False


@dataclass(frozen=True)
class ToolResult:
    """The result of a call."""

    id: str
    text: str


@dataclass(frozen=True)
class Citation:
    """A source that an answer cites: its location, and the quoted text."""

    title: str = ""
    url: str = ""
    quote: str = ""

    def written(self) -> str:
        """Return it as one line."""
        where = f"<{self.url}>" if self.url else ""
        return " ".join(filter(None, [self.title, where, f"“{self.quote}”" if self.quote else ""]))


@dataclass(frozen=True)
class Turn:
    """One message. `pointer` is its place in the body; `media` lists its pictures and files by name, kind and size."""

    role: str
    text: str = ""
    pointer: str = ""
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()
    media: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    is_refusal: bool = False

    def written(self) -> str:
        """Return the whole turn as text."""
        return f"{self.role}: " + "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.reasoning:
            yield f"(reasoning) {self.reasoning}"
        if self.text or not self.reasoning:
            yield self.text
        yield from (f"[{medium}]" for medium in self.media)
        yield from (f"called {call.name} {call.arguments}" for call in self.calls)
        yield from (f"result of {result.id}: {result.text}" for result in self.results)
        yield from (f"cited: {citation.written()}" for citation in self.citations)


@dataclass(frozen=True)
class CacheMiss:
    """Why the provider's prompt cache missed, in the provider's own term, and how many tokens (None if unknown)."""

    reason: str
    tokens: int | None = None


@dataclass(frozen=True)
class Conversation:
    """A request or a reply, read.

    `finish` is how a reply ended; `why`, what its provider says about that; `broken`, how its stream failed. `notes` is
    what else a debugger would want to know; `others`, the names of members that aren't read; `cache_marks`, how many
    places in a prompt are marked for caching, and for how long.
    """

    kind: str
    model: str = ""
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    tools: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    finish: str = ""
    why: str = ""
    usage: Usage = field(default_factory=Usage)
    notes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    is_reply: bool = False
    error: str = ""
    broken: str = ""
    cache_miss: CacheMiss | None = None
    cache_marks: str = ""

    @property
    def instructions(self) -> str:
        """The system prompt."""
        return "\n".join(turn.text for turn in self.turns if turn.role in INSTRUCTIONS)
