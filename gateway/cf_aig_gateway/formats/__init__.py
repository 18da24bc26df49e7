"""The wire formats of traffic: one module each, and the code that finds the right one.

Only this package knows provider formats. Everything else works on the neutral conversation. To add a format, write its
module and list it in FORMATS.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cf_aig_gateway.formats import (
    anthropic_messages,
    audio,
    bedrock_converse,
    bedrock_invoke,
    cohere,
    embeddings,
    errors,
    gemini,
    gemini_interactions,
    images,
    openai_chat,
    openai_responses,
    universal,
    workers_ai,
)
from cf_aig_gateway.formats.content import NO_GAP, Gap
from cf_aig_gateway.formats.conversation import Conversation, Turn
from cf_aig_gateway.formats.errors import Said
from cf_aig_gateway.formats.format import Body, Format
from cf_aig_gateway.formats.members import named
from cf_aig_gateway.formats.stream import Stream
from cf_aig_gateway.frames import CONTENT_TYPE, is_frames
from cf_aig_gateway.shapes import as_list, as_object, as_text

FORMATS: tuple[Format, ...] = (
    gemini.FORMAT,
    cohere.FORMAT,
    bedrock_converse.FORMAT,
    anthropic_messages.FORMAT,
    audio.FORMAT,
    openai_chat.FORMAT,
    gemini_interactions.FORMAT,
    embeddings.FORMAT,
    openai_responses.FORMAT,
    images.FORMAT,
    bedrock_invoke.FORMAT,
    openai_chat.PROMPT,
    workers_ai.FORMAT,
)
"""In the order they are tried: the most distinctive first."""


def read(value: Any, gap: Gap = NO_GAP) -> Conversation | None:
    """Return the conversation in a body, or None if its format is unknown."""
    if isinstance(value, list):
        return _read_list(as_list(value), gap)
    body = as_object(value)
    if said := stated_error(body):
        return Conversation("error", as_text(body.get("model")), error=said.told())
    if result := _enveloped(body):
        return _below("/result", read(result, gap))
    if found := reply_format(body):
        return named(replace(found.reply(body, gap), usage=found.usage(body), is_reply=True), body, found)
    asked = request_format(body)
    return named(asked.request(body, gap), body, asked) if asked else None


def _read_list(items: list[Any], gap: Gap) -> Conversation | None:
    """Read a universal request, the events of a stream that came as one array, or Gemini's array of an error."""
    first = as_object(next(iter(items), None))
    if universal.is_universal(items):
        asked = read(first["query"], gap) or Conversation("unknown form")
        return _below("/0/query", replace(asked, kind=universal.title(items, asked.kind)))
    if stated_error(first):
        return read(first, gap)
    if event_format(first) is None:
        return None
    stream = Stream(event_format)
    for item in items:
        stream.take(item)
    return read(stream.reply(), gap)


def _below(pointer: str, held: Conversation | None) -> Conversation | None:
    """Return a conversation with its turns' pointers prefixed by that one."""
    turns = tuple(replace(turn, pointer=pointer + turn.pointer) for turn in held.turns) if held else ()
    return replace(held, turns=turns) if held else None


def request_format(body: Body) -> Format | None:
    """Return the format of a request."""
    return _first(FORMATS, body, "is_request")


def reply_format(body: Body) -> Format | None:
    """Return the format of a reply."""
    return _first(FORMATS, body, "is_reply")


def event_format(event: Body) -> Format | None:
    """Return the format of a stream's event."""
    return _first(FORMATS, event, "is_event")


def _first(formats: Iterable[Format], body: Body, test: str) -> Format | None:
    return next((known for known in formats if getattr(known, test)(body)), None)


def _enveloped(body: Body) -> Body:
    """Return the result in Cloudflare's v4 envelope; empty if there isn't one."""
    return as_object(body.get("result")) if "success" in body else {}


def result_of(value: Any) -> Body:
    """Return a reply without Cloudflare's v4 envelope around it."""
    body = as_object(value)
    return _enveloped(body) or body


def stated_error(body: Body) -> Said | None:
    """Return an error body's message, in the provider's words; None if it isn't an error."""
    return next(filter(None, (known.said(body) for known in FORMATS)), None) or errors.shared(body)


def said(body: Any) -> Said:
    """Return the message in a failed call's body, whatever its form."""
    if isinstance(body, list):
        return said(next(iter(as_list(body)), None))
    held = as_object(body)
    return stated_error(held) or errors.loose(held) or Said()


def model_in_path(path: str) -> str:
    """Return the model in a provider's path; empty if it names no model."""
    shapes = (known.model_in_path for known in FORMATS if known.model_in_path)
    return next((found["model"] for shape in shapes if (found := shape.search(path))), "")


def begins_stream(opening: bytes) -> bool:
    """Whether a body begins like a stream other than server-sent events: AWS frames, or an array of events."""
    arrays = (known.array for known in FORMATS if known.array)
    return is_frames(opening) or any(shape.match(opening) for shape in arrays)


def is_stream(content_type: str, path: str) -> bool:
    """Whether a reply of that media type, to a call of that path, is a stream."""
    paths = (known.array_path for known in FORMATS if known.array_path)
    return content_type in STREAMS or (content_type == "application/json" and any(each.search(path) for each in paths))


STREAMS = {"text/event-stream", CONTENT_TYPE}


def stream() -> Stream:
    """Return a reader for a stream of any format."""
    return Stream(event_format)


__all__ = [
    "FORMATS",
    "Conversation",
    "Format",
    "Said",
    "Stream",
    "Turn",
    "begins_stream",
    "event_format",
    "is_stream",
    "model_in_path",
    "read",
    "reply_format",
    "request_format",
    "result_of",
    "said",
    "stated_error",
    "stream",
]
