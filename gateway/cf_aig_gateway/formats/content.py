"""The content of one message, which each format's reader fills part by part."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cf_aig_gateway.formats.conversation import Citation, ToolCall, ToolResult, Turn
from cf_aig_gateway.one_line import shortened
from cf_aig_gateway.shapes import as_list, as_object, as_text

Gap = re.Pattern[str]
"""Finds the mark of a cut made while a body was read, with the number of characters cut.

The cut is the middle of a string, or numbers of a list; then the mark, an item of that list, also says how many
numbers.
"""

NO_GAP = re.compile(r"\A(?!)(\d)(\d)")
"""Never matches: for bodies without cuts."""

OPAQUE = {
    "signature", "thoughtSignature", "encrypted_content", "encrypted_index", "redactedContent", "fingerprint",
    "logprobs", "obfuscation", "cache_control", "cachePoint",
}  # fmt: skip
"""Members that only machines read."""

_DATA_URL = re.compile(r"data:([\w.+/-]++)?+[^,]*+,")
NOT_ARGUMENTS = {"type", "id", "call_id", "name", "status", "output", "outputs", "results", "error"}
_TEXTS = ("text", "output_text", "content", "output", "result", "stdout", "data")


@dataclass
class Content:
    """What one message contains. `gap` finds cuts in its strings."""

    gap: Gap = NO_GAP
    texts: list[str] = field(default_factory=list[str])
    thoughts: list[str] = field(default_factory=list[str])
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    results: list[ToolResult] = field(default_factory=list[ToolResult])
    media: list[str] = field(default_factory=list[str])
    citations: list[Citation] = field(default_factory=list[Citation])
    is_refusal: bool = False

    def turn(self, role: str, pointer: str) -> Turn:
        """Return all of it as one turn."""
        return Turn(
            role,
            "\n".join(filter(None, self.texts)),
            pointer,
            "\n".join(dict.fromkeys(filter(None, self.thoughts))),
            tuple(self.calls),
            tuple(self.results),
            tuple(self.media),
            tuple(dict.fromkeys(self.citations)),
            self.is_refusal,
        )

    def text(self, text: Any) -> None:
        """Add text."""
        if isinstance(text, str):
            self.texts.append(text)

    def think(self, text: Any) -> None:
        """Add reasoning: a text, or parts that contain one."""
        if isinstance(text, str):
            self.thoughts.append(text)
        for part in map(as_object, as_list(text)):
            self.think(part.get("text") or part.get("summary") or part.get("thinking"))

    def refuse(self, text: Any) -> None:
        """Add a refusal."""
        if isinstance(text, str) and text:
            self.texts.append(f"(refused) {text}")
            self.is_refusal = True

    def call(self, id_: Any, name: Any, arguments: Any, *, is_free: bool = False) -> None:
        """Add a tool call. Its arguments are JSON, or free text such as code."""
        written = arguments if isinstance(arguments, str) else as_json(arguments or {})
        self.calls.append(ToolCall(as_text(id_), as_text(name), written, is_free))

    def result(self, id_: Any, content: Any, *, failed: bool = False) -> None:
        """Add a tool call's result, in whatever form the tool returned it."""
        lines = [*(["(error)"] if failed else []), *self.readable(content)]
        self.results.append(ToolResult(as_text(id_), "\n".join(lines)))

    def cite(self, title: Any, url: Any = "", quote: Any = "") -> None:
        """Add a cited source."""
        if title or url or quote:
            self.citations.append(Citation(as_text(title), as_text(url), as_text(quote)))

    def medium(self, kind: str, data: Any = "", *, url: Any = "", mime: Any = "", name: Any = "") -> None:
        """Add a picture or file: its base64, data URL, or location."""
        held, where = as_text(data), as_text(url)
        if where.startswith("data:"):
            held, where = where, ""
        inline = _DATA_URL.match(held)
        what = as_text(mime) or (inline[1] if inline and inline[1] else "") or kind
        bytes_ = size(measured(held[inline.end() if inline else 0 :], self.gap) * 3 // 4) if held else ""
        self.media.append(" ".join(filter(None, [as_text(name), what, bytes_, shortened(where, 200)])))

    def other(self, part: Mapping[str, Any]) -> None:
        """Add the readable text of a part whose kind the format doesn't know."""
        kind = as_text(part.get("type"))
        if kind.endswith(("_call", "_tool_use")):
            self.call(part.get("call_id") or part.get("id"), part.get("name") or kind, _arguments(part), is_free=True)
        elif kind.endswith(("_result", "_output")):
            self.result(part.get("call_id") or part.get("tool_use_id") or part.get("id"), dict(part))
        else:
            self.texts.append("\n".join(self.readable(dict(part))))

    def readable(self, value: Any) -> Iterator[str]:
        """Yield what a person can read of a tool's result, or of a part of unknown kind, line by line."""
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for item in as_list(value):
                yield from self.readable(item)
        elif isinstance(value, dict):
            yield from self._readable_object(as_object(value))
        elif value is not None:
            yield as_json(value)

    def _readable_object(self, held: dict[str, Any]) -> Iterator[str]:
        kind = as_text(held.get("type"))
        source = as_object(held.get("source"))
        url = held.get("url") or held.get("uri")
        title = as_text(held.get("title")) or as_text(held.get("filename"))
        if source.get("data") and source.get("type") != "text":
            content = Content(self.gap)
            content.medium(kind, source.get("data"), mime=source.get("media_type"))
            yield f"[{content.media[0]}]"
            return
        if title or isinstance(url, str):
            yield Citation(title, as_text(url)).written()
        if code := held.get("error_code"):
            yield f"(error) {as_text(code)}: {as_text(held.get('error_message'))}".removesuffix(": ")
        texts = [held[name] for name in _TEXTS if held.get(name)] + ([source] if source.get("data") else [])
        for text in texts:
            yield from self.readable(text)
        yield from (f"({name}) {held[name]}" for name in ("stderr", "return_code", "exit_code") if held.get(name))
        if not (title or url or code or texts) and (rest := without(held, OPAQUE | {"type"})):
            yield as_json(rest)


def _arguments(part: Mapping[str, Any]) -> Any:
    for name in ("arguments", "input", "code", "action", "queries"):
        if part.get(name):
            return part[name]
    return without(dict(part), OPAQUE | NOT_ARGUMENTS)


def without(value: Any, names: Iterable[str]) -> Any:
    """Return a JSON value without members of those names, at any depth, and without empty ones."""
    left_out = frozenset(names)
    if isinstance(value, list):
        return [without(item, left_out) for item in as_list(value)]
    if not isinstance(value, dict):
        return value
    held = {name: without(inner, left_out) for name, inner in as_object(value).items() if name not in left_out}
    return {name: inner for name, inner in held.items() if inner not in (None, "", [], {})}


def parameters(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Return those of a request's parameters that have these names, as text."""
    return {name: parameter(given[name]) for name in names if given.get(name) not in (None, {}, [])}


def parameter(value: Any) -> str:
    """Return one parameter as text. For a schema, return only its name."""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else as_json(value)
    held = as_object(value)
    named = as_object(held.get("json_schema")) or as_object(as_object(held.get("structure")).get("jsonSchema")) or held
    parts = [as_text(held.get("type")), as_text(named.get("name"))]
    parts += [
        f"{name} {parameter(inner)}"
        for name, inner in held.items()
        if inner is not None and name not in {"type", "name", "schema", "json_schema", "structure", "strict", *OPAQUE}
    ]
    return " ".join(filter(None, parts))


def tool_names(tools: Iterable[Any]) -> Iterator[str]:
    """Yield the names of declared tools. Tools of a namespace are counted under its name."""
    for tool in map(as_object, tools):
        function = as_object(tool.get("function")) or tool
        name = as_text(function.get("name")) or as_text(function.get("type"))
        inner = as_list(tool.get("tools"))
        yield f"{name} ({len(inner)} tools)" if inner else name


def measured(text: str, gap: Gap) -> int:
    """Return how many characters a text has, including cut ones."""
    cut = gap.search(text)
    return len(text) - len(cut[0]) + int(cut[1]) if cut else len(text)


def numbers_cut(item: Any, gap: Gap) -> int:
    """Return how many cut numbers an item of a list stands for; 0 if it isn't a mark of a cut."""
    cut = gap.fullmatch(item) if isinstance(item, str) else None
    return int(cut[2]) if cut and cut[2] else 0


def size(count: int) -> str:
    """Return a number of bytes in human-readable form."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} KB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def as_json(value: Any) -> str:
    """Return a value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
