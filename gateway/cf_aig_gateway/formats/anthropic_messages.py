"""Anthropic's messages: docs.anthropic.com/en/api/messages, …/streaming.

On Bedrock and Vertex they have no model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cf_aig_gateway.formats.content import Content, Gap, parameters, tool_names
from cf_aig_gateway.formats.conversation import CacheMiss, Conversation, Turn
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.formats.growth import Fragments, append, grown, items
from cf_aig_gateway.formats.openai_chat import is_request as is_chat
from cf_aig_gateway.formats.usage import Usage, count, first, with_cache
from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.one_line import named
from cf_aig_gateway.shapes import as_list, as_object, as_text

PARAMETERS = (
    "temperature", "top_p", "top_k", "max_tokens", "stop_sequences", "stream", "tool_choice", "thinking",
    "output_config", "output_format", "speed", "diagnostics",
)  # fmt: skip

OWN_PARTS = {"tool_use", "tool_result", "image", "document", "server_tool_use", "mcp_tool_use", "thinking"}
OWN_FIELDS = {
    "system",
    "anthropic_version",
    "anthropic_beta",
    "betas",
    "context_management",
    "mcp_servers",
    "stop_sequences",
}
OPENAIS_FIELDS = {"reasoning", "reasoning_effort", "max_completion_tokens", "response_format", "stream_options"}

EVENTS = {
    "message_start", "message_delta", "message_stop",
    "content_block_start", "content_block_delta", "content_block_stop",
}  # fmt: skip

MAX_TOKENS = 1024
"""The token limit if the caller gives none; Anthropic requires one."""


def is_request(body: Body) -> bool:
    """Recognize a request by its model, or by fields or parts that only this format has."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in as_list(messages)):
        return False
    if _is_openais(body):
        return False
    if as_text(body.get("model")).startswith("claude") or OWN_FIELDS & body.keys():
        return True
    parts = (part for message in as_list(messages) for part in as_list(as_object(message).get("content")))
    return any(as_text(as_object(part).get("type")) in OWN_PARTS for part in parts)


def _is_openais(body: Body) -> bool:
    """Recognize a chat in OpenAI's format by its fields, tools or roles, even if it is for Claude or has parts like
    Claude's.
    """
    tools = any("function" in as_object(tool) for tool in as_list(body.get("tools")))
    roles = {as_text(as_object(message).get("role")) for message in as_list(body.get("messages"))}
    calls = any("tool_calls" in as_object(message) for message in as_list(body.get("messages")))
    return is_chat(body) and (tools or calls or "tool" in roles or bool(OPENAIS_FIELDS & body.keys()))


def request(body: Body, gap: Gap) -> Conversation:
    """Read a request."""
    turns = [*_system(body.get("system"), gap)]
    for number, message in enumerate(as_list(body["messages"])):
        turns.append(turn(as_object(message), gap, f"/messages/{number}"))
    kind = (
        "Anthropic messages" if "model" in body or "anthropic_version" not in body else "Anthropic messages (Bedrock)"
    )
    tools = tool_names([*as_list(body.get("tools")), *as_list(body.get("mcp_servers"))])
    return Conversation(kind, as_text(body.get("model")), parameters(body, PARAMETERS), tuple(tools), tuple(turns))


def _system(prompt: Any, gap: Gap) -> Iterator[Turn]:
    if prompt:
        yield turn({"role": "system", "content": prompt}, gap, "/system")


def turn(message: Body, gap: Gap, pointer: str) -> Turn:
    """Read one message."""
    content = Content(gap)
    parts = message.get("content")
    content.text(parts)
    for part in as_list(parts):
        _add_part(content, part)
    return content.turn(as_text(message.get("role")), pointer)


def _add_part(content: Content, part: Any) -> None:
    held = as_object(part)
    kind = as_text(held.get("type"))
    match kind:
        case "text":
            _add_text(content, held)
        case "thinking":
            content.think(held.get("thinking"))
        case "redacted_thinking":
            content.think("[redacted]")
        case "image" | "document" | "container_upload":
            _add_medium(content, kind, held)
        case "compaction":
            content.text(f"(compacted) {as_text(held.get('content'))}")
        case "tool_addition" | "tool_removal" | "fallback":
            content.text(f"({kind.replace('_', ' ')}) " + " ".join(map(str, _named(held))))
        case _ if kind.endswith("tool_use"):
            server = as_text(held.get("server_name"))
            content.call(
                held.get("id"), f"{server}.{held.get('name')}" if server else held.get("name"), held.get("input")
            )
        case _ if kind.endswith("tool_result"):
            content.result(held.get("tool_use_id"), held.get("content"), failed=held.get("is_error") is True)
        case _:
            content.text(part) if isinstance(part, str) else content.other(held)


def _add_text(content: Content, part: Body) -> None:
    """Add a text. Texts with citations are pieces of a single one."""
    notes = as_list(part.get("citations"))
    for note in map(as_object, notes):
        title = note.get("title") or note.get("document_title")
        content.cite(title, note.get("url") or note.get("source"), note.get("cited_text"))
    if "citations" in part and content.texts:
        content.texts[-1] += as_text(part.get("text"))
    else:
        content.text(part.get("text"))


def _add_medium(content: Content, kind: str, part: Body) -> None:
    source = as_object(part.get("source"))
    name = part.get("title") or source.get("file_id") or part.get("file_id")
    if source.get("type") == "text":
        content.text(f"({kind} {as_text(name)}) {as_text(source.get('data'))}")
    elif isinstance(source.get("content"), str | list):
        content.text("\n".join([f"({kind} {as_text(name)})", *content.readable(source["content"])]))
    else:
        content.medium(kind, source.get("data"), url=source.get("url"), mime=source.get("media_type"), name=name)


def _named(held: Body) -> Iterator[str]:
    for name, value in held.items():
        inner = as_object(value)
        if (
            said := as_text(inner.get("name"))
            or as_text(inner.get("model"))
            or ("" if name == "type" else as_text(value))
        ):
            yield said


def is_reply(body: Body) -> bool:
    """Recognize a message object, even a partial one."""
    if not isinstance(body.get("content"), list):
        return False
    own = {as_text(as_object(block).get("type")) for block in as_list(body["content"])} & {"tool_use", "thinking"}
    return bool({"role", "stop_reason"} & body.keys()) or bool(own)


def reply(body: Body, gap: Gap) -> Conversation:
    """Read a message object."""
    return Conversation(
        "Anthropic messages",
        as_text(body.get("model")),
        turns=tuple(_answers(as_list(body["content"]), gap)),
        finish=as_text(body.get("stop_reason")),
        why=as_text(body.get("stop_sequence")) or ", ".join(map(str, _named(as_object(body.get("stop_details"))))),
        notes=tuple(_iterations(body)),
        cache_miss=_cache_miss(as_object(body.get("diagnostics")).get("cache_miss_reason")),
    )


def _cache_miss(stated: Any) -> CacheMiss | None:
    """Read why the prompt cache missed: platform.claude.com/docs/en/build-with-claude/cache-diagnostics."""
    held = as_object(stated)
    reason = as_text(held.get("type"))
    return CacheMiss(reason, count(held.get("cache_missed_input_tokens"))) if reason else None


def _answers(blocks: list[Any], gap: Gap) -> Iterator[Turn]:
    """Yield the text and tool calls between the results of the provider's own tools, in order."""
    content, start, follows_result = Content(gap), 0, False
    for number, block in enumerate(blocks):
        is_result = as_text(as_object(block).get("type")).endswith("tool_result")
        if follows_result and not is_result:
            yield content.turn("assistant", f"/content/{start}")
            content, start = Content(gap), number
        _add_part(content, block)
        follows_result = is_result
    yield content.turn("assistant", f"/content/{start}" if start else "/content")


def _iterations(body: Body) -> Iterator[str]:
    """Yield the usage of each model call behind one reply, if there were several."""
    iterations = as_list(as_object(body.get("usage")).get("iterations"))
    for held in map(as_object, iterations) if len(iterations) > 1 else ():
        name = " ".join(named(each, 40) for each in (as_text(held.get("type")), as_text(held.get("model"))) if each)
        yield f"{name} {usage({'usage': held}).told()}"


def usage(body: Body) -> Usage:
    """Read Anthropic's usage. Cached tokens are not part of `input_tokens`."""
    held = as_object(body.get("usage"))
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    details = as_object(held.get("output_tokens_details"))
    reasoning = first(details, "thinking_tokens", "reasoning_tokens") or 0
    long = count(as_object(held.get("cache_creation")).get("ephemeral_1h_input_tokens")) or 0
    return replace(with_cache(*(count(held.get(name)) for name in names)), reasoning=reasoning, cache_write_long=long)


class MessagesAssembly(Assembly):
    """A message object from its events."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: dict[int | None, Body] = {}
        self._inputs: dict[int, Fragments] = {}
        self._opening: Body = {}

    def add(self, event: Body) -> None:
        """Take the next event."""
        index = count(event.get("index"))
        match event.get("type"):
            case "message_start":
                self._start(as_object(event.get("message")))
            case "content_block_start":
                self._block(index).update(as_object(event.get("content_block")))
            case "content_block_delta":
                self._grow(index, as_object(event.get("delta")))
            case "content_block_stop":
                self._end_input(index)
            case "message_delta":
                self.held |= as_object(event.get("delta"))
                self.held["usage"] = as_object(self.held.get("usage")) | as_object(event.get("usage"))
            case "message_stop":
                self.held["usage"] = self._opening | as_object(self.held.get("usage"))
                self.finished = True
            case _:
                pass

    def _start(self, message: Body) -> None:
        """Start a message. A second start, as after a fallback, continues the first.

        The output tokens counted here are only the first ones: they don't count if the rest never comes.
        """
        usage = as_object(message.get("usage"))
        self._opening = {name: usage[name] for name in ("output_tokens",) if name in usage}
        counted = {name: value for name, value in usage.items() if name not in self._opening}
        self.held = {**message, "usage": counted, "content": items(self.held, "content")}
        self._blocks = {}

    def _block(self, index: int | None) -> Body:
        if index not in self._blocks:
            self._blocks[index] = {"type": "text"}
            items(self.held, "content").append(self._blocks[index])
        return self._blocks[index]

    def _grow(self, index: int | None, delta: Body) -> None:
        block = self._block(index)
        for name in ("text", "thinking", "content"):
            append(block, name, delta.get(name))
        if isinstance(delta.get("partial_json"), str):
            self._inputs.setdefault(id(block), Fragments()).append(delta["partial_json"])
            block["input"] = self._inputs[id(block)]
        if citation := delta.get("citation"):
            items(block, "citations").append(citation)

    def _end_input(self, index: int | None) -> None:
        """Join the fragments of a call's arguments into the object that a whole reply has."""
        block = self._block(index)
        read = read_json(grown(block.get("input"))) if isinstance(block.get("input"), Fragments) else None
        if read is not None:
            block["input"] = read


def chat(name: str, messages: list[Body], given: Mapping[str, Any]) -> Body:
    """Write a chat. System messages go into their own field."""
    system = [as_text(message.get("content")) for message in messages if message.get("role") == "system"]
    return {
        "model": name,
        "max_tokens": MAX_TOKENS,
        **({"system": "\n\n".join(system)} if system else {}),
        "messages": [message for message in messages if message.get("role") != "system"],
        **given,
    }


FORMAT = Format(
    "Anthropic messages",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    is_event=lambda event: as_text(event.get("type")) in EVENTS,
    assembly=MessagesAssembly,
    usage=usage,
    flavors=("default", "anthropic"),
    members=("stop_reason", "stop_sequence", "stop_details", "anthropic_version", "diagnostics"),
    ends=(b"event: message_stop",),
    chat=chat,
    streamed={"stream": True},
)
