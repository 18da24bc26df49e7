"""Cohere's chat, versions 2 and 1: docs.cohere.com/reference/chat, …/chat-stream, …/chat-v1."""

from collections.abc import Mapping
from typing import Any

from cf_aig_gateway.formats.content import Content, Gap, parameters, tool_names
from cf_aig_gateway.formats.conversation import Conversation, Turn
from cf_aig_gateway.formats.errors import Said
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.formats.growth import append, at, inner, items, merge
from cf_aig_gateway.formats.openai_chat import add_calls, add_parts
from cf_aig_gateway.formats.usage import Usage, count, first
from cf_aig_gateway.shapes import as_list, as_object, as_text

OWN_FIELDS = {"documents", "citation_options", "strict_tools", "safety_mode", "p", "k", "connectors"}
PARAMETERS = (
    "temperature", "max_tokens", "p", "k", "seed", "stop_sequences", "stream", "tool_choice", "response_format",
    "safety_mode", "thinking", "citation_options", "strict_tools",
)  # fmt: skip
EVENTS = ("message-", "content-", "tool-plan-", "tool-call-", "citation-")
TEXTS = {"text", "thinking", "tool_plan", "arguments"}


def is_request(body: Body) -> bool:
    """Recognize a request by its model or by fields that only this format has; OpenAI shares the rest."""
    if "messages" not in body:
        return isinstance(body.get("message"), str) and bool({"model", "chat_history", "preamble"} & body.keys())
    named = as_text(body.get("model")).startswith(("command", "c4ai-"))
    return isinstance(body.get("messages"), list) and (named or bool(OWN_FIELDS & body.keys()))


def request(body: Body, gap: Gap) -> Conversation:
    """Read a request."""
    turns = [
        _turn(as_object(each), gap, f"/messages/{number}") for number, each in enumerate(as_list(body.get("messages")))
    ]
    if isinstance(body.get("message"), str):
        earlier = [as_object(each) for each in as_list(body.get("chat_history"))]
        turns = [
            Turn(as_text(each.get("role")), as_text(each.get("message")), f"/chat_history/{number}")
            for number, each in enumerate(earlier)
        ]
        turns.append(Turn("user", body["message"], "/message"))
    tools = tuple(tool_names(as_list(body.get("tools"))))
    return Conversation("Cohere chat", as_text(body.get("model")), parameters(body, PARAMETERS), tools, tuple(turns))


def _turn(message: Body, gap: Gap, pointer: str, role: str = "") -> Turn:
    content = Content(gap)
    content.think(message.get("tool_plan"))
    parts = message.get("content")
    if "tool_call_id" in message:
        content.result(message["tool_call_id"], [_document(part) for part in as_list(parts)] or parts)
    else:
        add_parts(content, parts)
    add_calls(content, message.get("tool_calls"))
    for note in map(as_object, as_list(message.get("citations"))):
        _cite(content, note)
    return content.turn(as_text(message.get("role")) or role, pointer)


def _document(part: Any) -> Any:
    held = as_object(as_object(part).get("document"))
    return held.get("data", held) or part


def _cite(content: Content, note: Body) -> None:
    for source in map(as_object, as_list(note.get("sources"))):
        document = as_object(source.get("document"))
        content.cite(document.get("title") or source.get("id"), document.get("url"), note.get("text"))


def is_reply(body: Body) -> bool:
    """Recognize a reply."""
    whole = isinstance(body.get("message"), dict) and ("finish_reason" in body or "usage" in body)
    return (whole and "error" not in body) or ("generation_id" in body and "text" in body)


def reply(body: Body, gap: Gap) -> Conversation:
    """Read a reply."""
    if "text" in body:
        turn = Turn("assistant", as_text(body["text"]), "/text")
    else:
        turn = _turn(as_object(body.get("message")), gap, "/message", "assistant")
    billed = as_object(as_object(body.get("usage")).get("billed_units"))
    return Conversation(
        "Cohere chat",
        as_text(body.get("model")),
        turns=(turn,),
        finish=as_text(body.get("finish_reason")),
        notes=(f"billed {count(billed.get('input_tokens'))} in, {count(billed.get('output_tokens'))} out",)
        if billed
        else (),
    )


def usage(body: Body) -> Usage:
    """Read the tokens used, or the billed tokens if only those are reported."""
    held = as_object(body.get("usage")) or as_object(body.get("meta"))
    tokens, billed = as_object(held.get("tokens")), as_object(held.get("billed_units"))
    return Usage(
        first(tokens or billed, "input_tokens"),
        first(tokens or billed, "output_tokens"),
        cache_read=first(held, "cached_tokens") or 0,
        is_cache_stated="cached_tokens" in held,
    )


class CohereAssembly(Assembly):
    """A reply from its events."""

    def __init__(self) -> None:
        super().__init__()
        self.held["finish_reason"] = None

    def add(self, event: Body) -> None:
        """Take the next event."""
        kind, delta = as_text(event.get("type")), as_object(event.get("delta"))
        message = inner(self.held, "message")
        said = as_object(delta.get("message"))
        if kind == "message-end":
            self.held |= delta
            self.finished = True
        elif kind.startswith("content-"):
            merge(at(items(message, "content"), event.get("index")), as_object(said.get("content")), TEXTS)
        elif kind.startswith("tool-call-"):
            merge(at(items(message, "tool_calls"), event.get("index")), as_object(said.get("tool_calls")), TEXTS)
        elif kind == "tool-plan-delta":
            append(message, "tool_plan", said.get("tool_plan"))
        elif kind == "citation-start":
            items(message, "citations").append(said.get("citations"))
        elif kind == "message-start":
            self.held["id"] = event.get("id")
            message |= {name: value for name, value in said.items() if value}


def chat(name: str, messages: list[Body], given: Mapping[str, Any]) -> Body:
    """Write a chat."""
    renamed = {{"top_p": "p", "stop": "stop_sequences"}.get(key, key): value for key, value in given.items()}
    return {"model": name, "messages": messages, **renamed}


def said(body: Body) -> Said | None:
    """Read an error: `{id, message}`."""
    words = as_text(body.get("message"))
    return Said(words) if words and body.keys() <= {"message", "id"} else None


FORMAT = Format(
    "Cohere chat",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    is_event=lambda event: as_text(event.get("type")).startswith(EVENTS),
    assembly=CohereAssembly,
    members=("finish_reason", "message", "meta", "citations"),
    usage=usage,
    flavors=("tokens", "default"),
    said=said,
    ends=(b"event: message-end",),
    chat=chat,
    streamed={"stream": True},
)
