"""The content of a message in any provider's form: text, pictures and files, tool calls and their results."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_tools.reading.conversation import ToolCall, ToolResult, Turn

Measure = re.Pattern[str]

_DATA_URL = re.compile(r"data:([\w.+/-]+)?[^,]*,")


@dataclass
class Content:
    """What one message holds, gathered part by part; `gap` finds what was cut out of long strings."""

    gap: Measure
    texts: list[str] = field(default_factory=list[str])
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    results: list[ToolResult] = field(default_factory=list[ToolResult])
    media: list[str] = field(default_factory=list[str])

    def turn(self, role: str, pointer: str) -> Turn:
        """Return all of it as one turn."""
        text = "\n".join(filter(None, self.texts))
        return Turn(role, text, pointer, tuple(self.calls), tuple(self.results), tuple(self.media))

    def add(self, content: Any) -> None:
        """Take a text, a part, or a list of them."""
        if isinstance(content, str):
            self.texts.append(content)
        elif isinstance(content, dict):
            self._part(as_object(content))
        else:
            self._each(as_list(content))

    def add_named(self, kind: str, text: Any) -> None:
        """Take a text that a field of its own holds, if it does."""
        if text:
            self.add({"type": kind, kind: text})

    def add_tool_calls(self, calls: Any) -> None:
        """Take `tool_calls` of OpenAI chat or Workers AI."""
        for call in map(as_object, as_list(calls)):
            function = as_object(call.get("function")) or as_object(call.get("custom")) or call
            self._call(call.get("id"), function.get("name"), function.get("arguments", function.get("input")))

    def _each(self, parts: Iterable[Any]) -> None:
        for part in parts:
            self.add(part)

    def _part(self, part: dict[str, Any]) -> None:
        match as_text(part.get("type")):
            case "tool_use" | "server_tool_use":
                self._call(part.get("id"), part.get("name"), part.get("input"))
            case "function_call":
                self._call(part.get("call_id"), part.get("name"), part.get("arguments"))
            case "custom_tool_call":
                self._call(part.get("call_id"), part.get("name"), part.get("input"))
            case "tool_result" | "web_search_tool_result":
                self._result(part.get("tool_use_id"), part.get("content"), failed=part.get("is_error") is True)
            case "function_call_output" | "custom_tool_call_output":
                self._result(part.get("call_id"), part.get("output"))
            case "thinking":
                self.texts.append(f"(thinking) {as_text(part.get('thinking'))}")
            case "reasoning":
                summary = Content(self.gap)
                summary.add(part.get("summary"))
                self.texts += [f"(reasoning) {text}" for text in summary.texts]
            case "refusal":
                self.texts.append(f"(refused) {as_text(part.get('refusal'))}")
            case kind:
                self._untyped(kind, part)

    def _untyped(self, kind: str, part: dict[str, Any]) -> None:
        called, answered = as_object(part.get("functionCall")), as_object(part.get("functionResponse"))
        if called:
            self._call(called.get("id", called.get("name")), called.get("name"), called.get("args"))
        elif answered:
            self._result(answered.get("id", answered.get("name")), answered.get("response"))
        elif isinstance(part.get("text"), str):
            self.texts.append(part["text"])
        elif medium := self._medium(kind, part):
            self.media.append(medium)
        else:
            self.texts.append(as_json(part))

    def _call(self, id_: Any, name: Any, arguments: Any) -> None:
        written = arguments if isinstance(arguments, str) else as_json(arguments or {})
        self.calls.append(ToolCall(as_text(id_), as_text(name), written))

    def _result(self, id_: Any, content: Any, *, failed: bool = False) -> None:
        held = Content(self.gap, ["(error)"] if failed else [])
        held.add(as_json(content) if isinstance(content, dict) else content)
        self.results.append(ToolResult(as_text(id_), "\n".join([*held.texts, *map(bracketed, held.media)])))

    def _medium(self, kind: str, part: dict[str, Any]) -> str:
        held = _holder(part)
        data = next((as_text(held.get(name)) for name in _DATA_FIELDS if as_text(held.get(name))), "")
        if not data and not kind:
            return ""
        described = as_text(held.get("media_type")) or as_text(held.get("mimeType")) or as_text(held.get("mime_type"))
        inline = _DATA_URL.match(data)
        if data.startswith("http"):
            return f"{kind} {data[:200]}"
        name = described or (inline[1] if inline and inline[1] else "") or as_text(held.get("format")) or kind
        return (
            f"{name} {size(measured(data, self.gap) * 3 // 4)}"
            if data
            else f"{kind} {as_text(held.get('file_id'))}".strip()
        )


_DATA_FIELDS = ("data", "url", "file_data", "image_url", "fileUri", "b64_json", "file_url")
_HOLDERS = ("image_url", "source", "input_audio", "file", "inlineData", "inline_data", "fileData", "video_url")


def _holder(part: dict[str, Any]) -> dict[str, Any]:
    return next((as_object(part[name]) for name in _HOLDERS if as_object(part.get(name))), part)


def bracketed(medium: str) -> str:
    """Return a picture or file as it is shown among text."""
    return f"[{medium}]"


def measured(text: str, gap: Measure) -> int:
    """Return how many characters a text has, with what was cut out of it."""
    cut = gap.search(text)
    return len(text) - len(cut[0]) + int(cut[1]) if cut else len(text)


def size(count: int) -> str:
    """Return a number of bytes as a person writes it."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} KB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def as_json(value: Any) -> str:
    """Return a value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
