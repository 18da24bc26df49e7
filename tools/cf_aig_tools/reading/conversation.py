"""What a request asked or a response answered, whatever provider's form it was written in."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ToolCall:
    """A tool that a model called; `arguments` as the model wrote them."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class ToolResult:
    """What came of a call."""

    id: str
    text: str


@dataclass(frozen=True)
class Turn:
    """One message; `pointer` is where it stands in the body, `media` its pictures and files, as kind and size."""

    role: str
    text: str = ""
    pointer: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()
    media: tuple[str, ...] = ()

    def written(self) -> str:
        """Return the whole turn as text."""
        lines = [f"{self.role}: {self.text}", *(f"[{medium}]" for medium in self.media)]
        lines += [f"called {call.name} {call.arguments}" for call in self.calls]
        return "\n".join([*lines, *(f"result of {result.id}: {result.text}" for result in self.results)])


@dataclass(frozen=True)
class Conversation:
    """A request or a response, read; `broken` says how its stream ended when that was not well."""

    kind: str
    model: str = ""
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    tools: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    finish: str = ""
    usage: dict[str, int] = field(default_factory=dict[str, int])
    error: str = ""
    broken: str = ""
