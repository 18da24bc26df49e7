"""What a simulated provider does with a prompt: from a directive, `[simulate: overloaded]`, or real causes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.local.usage import count_tokens
from cf_aig_gateway.shapes import as_list, as_object, as_text

FAILURES = {"bad_key", "unknown_model", "context_too_long", "rate_limited", "overloaded", "server_error"}
"""Errors that a directive may request. Each wire format has its own body for each."""

MAX_DELAY_MS = 600_000
MAX_TOKENS = 100_000

DIRECTIVE = re.compile(r"\[simulate:([^\]]{1,200})\]")


@dataclass(frozen=True)
class Scenario:
    """How a simulated call goes (seconds: a delay before the first byte, a pace between the words of a stream)."""

    failure: str = ""
    delay_s: float = 0.0
    pace_s: float = 0.0
    tokens: int | None = None
    breaks: bool = False
    hangs: bool = False
    filtered: bool = False
    call: str = ""


@dataclass(frozen=True)
class Tool:
    """A tool that a model may call, the schema of its arguments, and its namespace, if any."""

    name: str
    schema: Mapping[str, Any]
    namespace: str = ""


@dataclass(frozen=True)
class Question:
    """A provider-neutral request: what the simulation needs to know.

    `tool` must be called, `offered` may be: none right after a tool's result. `schema` is the schema of a JSON reply.
    """

    provider: str
    model: str
    messages: list[dict[str, Any]]
    prompt: str
    last_words: str
    key: str = ""
    max_tokens: int | None = None
    stream: bool = False
    stream_type: str = "text/event-stream; charset=utf-8"
    tool: Tool | None = None
    offered: Sequence[Tool] = ()
    schema: Mapping[str, Any] | None = None
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def prompt_tokens(self) -> int:
        """Return the size of the prompt, estimated."""
        return count_tokens(self.prompt)


def scenario(question: Question) -> Scenario:
    """Read the directives in the user's last message, then look for real causes of failure."""
    words = [part.strip() for found in DIRECTIVE.findall(question.last_words) for part in found.split(",")]
    numbers = {name.strip(): int(text) for name, _, text in (word.partition("=") for word in words) if _digits(text)}
    asked = next((word for word in words if word in FAILURES), "")
    return Scenario(
        failure=asked or _cause(question),
        delay_s=min(numbers.get("delay", 0), MAX_DELAY_MS) / 1000,
        pace_s=min(numbers.get("pace", 0), MAX_DELAY_MS) / 1000,
        tokens=min(numbers["tokens"], MAX_TOKENS) if "tokens" in numbers else None,
        breaks="break" in words,
        hangs="hang" in words,
        filtered="content_filter" in words,
        call=next((word[5:].strip() for word in words if word.startswith("call=")), ""),
    )


def _digits(text: str) -> bool:
    return text.strip().isascii() and text.strip().isdigit() and len(text) < 12


def _cause(question: Question) -> str:
    """Return why a real provider would refuse: key, model or length; empty if it wouldn't."""
    if "invalid" in question.key.lower():
        return "bad_key"
    if not pricing.is_known(question.provider, question.model):
        return "unknown_model"
    window = pricing.context_window(question.provider, question.model)
    if window and question.prompt_tokens > window:
        return "context_too_long"
    return ""


def text_of(content: Any) -> str:
    """Return the text of a message's content: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    parts = [as_object(part) for part in as_list(content)]
    return "\n".join(as_text(part.get("text")) or text_of(part.get("content")) for part in parts)


def demanded(tools: list[Tool], name: str, *, required: bool) -> Tool | None:
    """Return the tool that a choice requires: the named one, or the first if any will do."""
    named = next((tool for tool in tools if tool.name == name), None)
    return named or (next(iter(tools), None) if required else None)


def told_to_call(question: Question, name: str) -> Tool | None:
    """Return the tool that a directive names. Clients may add a prefix, as in mcp__server__name."""
    ends = tuple(f"{sign}{name}" for sign in "_.-")
    fitting = (tool for tool in question.offered if tool.name == name or tool.name.endswith(ends))
    return next(fitting, None) if name else None


def last_user_text(messages: list[dict[str, Any]]) -> str:
    """Return the user's last message."""
    said = (text_of(message.get("content")) for message in reversed(messages) if message.get("role") == "user")
    return next(said, "")
