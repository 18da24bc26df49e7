"""Amazon Bedrock's Converse and ConverseStream.

docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

import re
from collections.abc import Mapping
from typing import Any

from cf_aig_gateway.formats.content import Content, Gap, parameters
from cf_aig_gateway.formats.conversation import Conversation, Turn
from cf_aig_gateway.formats.errors import Said
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.formats.growth import append, inner, items
from cf_aig_gateway.formats.usage import Usage, count, with_cache
from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.shapes import as_list, as_object, as_text

OWN_FIELDS = {"inferenceConfig", "toolConfig", "additionalModelRequestFields", "guardrailConfig", "schemaVersion"}
OWN_PARTS = {
    "text",
    "image",
    "document",
    "video",
    "toolUse",
    "toolResult",
    "cachePoint",
    "reasoningContent",
    "guardContent",
}
PARAMETERS = ("maxTokens", "temperature", "topP", "stopSequences")
EVENTS = {
    "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata",
}  # fmt: skip
MODEL_IN_PATH = re.compile(r"(?:^|/)model/(?P<model>.+)/(?:converse|invoke)(?:-stream|-with-response-stream)?$")


def is_request(body: Body) -> bool:
    """Recognize a request by fields that only this format has, or by parts without a type."""
    messages = body.get("messages")
    if not isinstance(messages, list) or "model" in body:
        return False
    if OWN_FIELDS & body.keys():
        return True
    parts = [as_object(part) for message in as_list(messages) for part in as_list(as_object(message).get("content"))]
    return bool(parts) and all("type" not in part and OWN_PARTS & part.keys() for part in parts)


def request(body: Body, gap: Gap) -> Conversation:
    """Read a request. Its model is in its path."""
    more = as_object(body.get("additionalModelRequestFields"))
    calling = as_object(body.get("toolConfig"))
    held = parameters(as_object(body.get("inferenceConfig")), PARAMETERS) | parameters(more, more)
    held |= parameters(calling, ("toolChoice",)) | parameters(as_object(body.get("outputConfig")), ("textFormat",))
    system = [_turn({"role": "system", "content": body["system"]}, gap, "/system")] if body.get("system") else []
    turns = [_turn(as_object(each), gap, f"/messages/{at}") for at, each in enumerate(as_list(body["messages"]))]
    specs = [as_object(tool) for tool in as_list(calling.get("tools"))]
    tools = (as_text(as_object(next(iter(spec.values()), None)).get("name")) or next(iter(spec), "") for spec in specs)
    kind = "Bedrock Converse"
    return Conversation(kind, as_text(body.get("modelId")), held, tuple(filter(None, tools)), (*system, *turns))


def _turn(message: Body, gap: Gap, pointer: str) -> Turn:
    content = Content(gap)
    content.text(message.get("content"))
    for part in as_list(message.get("content")):
        _add_part(content, as_object(part))
    return content.turn(as_text(message.get("role")) or "assistant", pointer)


def _add_part(content: Content, part: Body) -> None:
    called, answered = as_object(part.get("toolUse")), as_object(part.get("toolResult"))
    if called:
        content.call(called.get("toolUseId"), called.get("name"), called.get("input"))
    elif answered:
        failed = answered.get("status") == "error"
        content.result(answered.get("toolUseId"), list(map(_result, as_list(answered.get("content")))), failed=failed)
    elif "reasoningContent" in part:
        thought = as_object(as_object(part.get("reasoningContent")).get("reasoningText"))
        content.think(thought.get("text") or "[redacted]")
    elif "citationsContent" in part:
        _add_citations(content, as_object(part.get("citationsContent")))
    elif isinstance(part.get("text"), str):
        content.text(part["text"])
    elif kind := next((name for name in ("image", "document", "video", "audio") if name in part), ""):
        _add_medium(content, kind, as_object(part.get(kind)))
    elif "guardContent" in part:
        content.text(as_object(as_object(part.get("guardContent")).get("text")).get("text"))
    elif part.keys() - {"cachePoint"}:
        content.other(part)


def _result(part: Any) -> Any:
    """Return a tool's result: text, JSON, or the name of a picture or file."""
    held = as_object(part)
    if "json" in held:
        return held["json"]
    kind = next((name for name in ("image", "document", "video") if name in held), "")
    content = Content()
    _add_medium(content, kind, as_object(held.get(kind))) if kind else content.text(held.get("text"))
    return [*content.texts, *(f"[{medium}]" for medium in content.media)]


def _add_medium(content: Content, kind: str, held: Body) -> None:
    source = as_object(held.get("source"))
    location = as_object(source.get("s3Location")).get("uri")
    content.text(source.get("text"))
    mime = "/".join(filter(None, [kind, as_text(held.get("format"))]))
    content.medium(kind, source.get("bytes"), url=location, mime=mime, name=held.get("name"))


def _add_citations(content: Content, held: Body) -> None:
    for part in map(as_object, as_list(held.get("content"))):
        content.text(part.get("text"))
    for note in map(as_object, as_list(held.get("citations"))):
        quotes = [as_text(as_object(each).get("text")) for each in as_list(note.get("sourceContent"))]
        content.cite(
            note.get("title"), as_object(as_object(note.get("location")).get("web")).get("url"), " ".join(quotes)
        )


def is_reply(body: Body) -> bool:
    """Recognize a reply."""
    return "message" in as_object(body.get("output")) or ("stopReason" in body and "usage" in body)


def reply(body: Body, gap: Gap) -> Conversation:
    """Read a reply."""
    message = as_object(as_object(body.get("output")).get("message"))
    more = body.get("additionalModelResponseFields")
    return Conversation(
        "Bedrock Converse",
        turns=(_turn(message, gap, "/output/message"),) if message else (),
        finish=as_text(body.get("stopReason")),
        why=next(iter(parameters({"more": more}, ["more"] if more else []).values()), ""),
    )


def usage(body: Body) -> Usage:
    """Read its usage. Cached tokens are not part of `inputTokens`."""
    held = as_object(body.get("usage"))
    names = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    return with_cache(*(count(held.get(name)) for name in names))


class ConverseAssembly(Assembly):
    """A reply from the frames of its stream, each as `{event type: payload}`."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: dict[int | None, Body] = {}

    def add(self, event: Body) -> None:
        """Take the next event."""
        for kind, payload in event.items():
            held = as_object(payload)
            match kind:
                case "messageStart":
                    self._message()["role"] = held.get("role")
                case "contentBlockStart":
                    self._block(held).update(as_object(held.get("start")))
                case "contentBlockDelta":
                    _grow(self._block(held), as_object(held.get("delta")))
                case "contentBlockStop":
                    _end_input(self._block(held))
                case "messageStop":
                    self.held["stopReason"] = held.get("stopReason")
                    self.finished = True
                case "metadata":
                    self.held |= {name: held[name] for name in ("usage", "metrics", "trace") if name in held}
                case _:
                    pass

    def _message(self) -> Body:
        message = inner(inner(self.held, "output"), "message")
        message.setdefault("role", "assistant")
        return message

    def _block(self, held: Body) -> Body:
        index = count(held.get("contentBlockIndex"))
        if index not in self._blocks:
            self._blocks[index] = {}
            items(self._message(), "content").append(self._blocks[index])
        return self._blocks[index]


def _grow(block: Body, delta: Body) -> None:
    append(block, "text", delta.get("text"))
    thought = as_object(delta.get("reasoningContent"))
    if "text" in thought:
        append(inner(inner(block, "reasoningContent"), "reasoningText"), "text", thought["text"])
    elif thought:
        inner(block, "reasoningContent")
    if "toolUse" in delta:
        append(inner(block, "toolUse"), "input", as_object(delta["toolUse"]).get("input"))
    if citation := delta.get("citation"):
        items(inner(block, "citationsContent"), "citations").append(citation)


def _end_input(block: Body) -> None:
    """Join the fragments of a call's input into the object that a whole reply has."""
    called = as_object(block.get("toolUse"))
    read = read_json("".join(as_list(called.get("input"))))
    if read is not None:
        called["input"] = read


def chat(_: str, messages: list[Body], given: Mapping[str, Any]) -> Body:
    """Write a chat. Parameters with another name at OpenAI are renamed; the rest pass unchanged."""
    system = [{"text": as_text(message.get("content"))} for message in messages if message.get("role") == "system"]
    config = {RENAMED[name]: value for name, value in given.items() if name in RENAMED}
    own = {name: value for name, value in given.items() if name not in RENAMED}
    config |= as_object(own.pop("inferenceConfig", None))
    return {
        "messages": [
            {"role": message.get("role"), "content": [{"text": as_text(message.get("content"))}]}
            for message in messages
            if message.get("role") != "system"
        ],
        **({"system": system} if system else {}),
        **({"inferenceConfig": config} if config else {}),
        **own,
    }


RENAMED = {"max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP", "stop": "stopSequences"}
"""OpenAI's parameters by Bedrock's names."""


def said(body: Body) -> Said | None:
    """Read an AWS error: `{message}` or `{Message}`. Its type is in `__type`, or in a header that isn't stored."""
    words = as_text(body.get("message")) or as_text(body.get("Message"))
    kind = as_text(body.get("__type")).rpartition("#")[2]
    if not words or not body.keys() <= {"message", "Message", "__type", "originalStatusCode", "resourceName"}:
        return None
    return Said(words, (kind,) if kind else ())


FORMAT = Format(
    "Bedrock Converse",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    is_event=lambda event: bool(EVENTS & event.keys()),
    assembly=ConverseAssembly,
    members=("stopReason", "metrics", "modelId", "additionalModelRequestFields", "additionalModelResponseFields"),
    containers=("inferenceConfig", "toolConfig", "outputConfig"),
    usage=usage,
    flavors=("default",),
    said=said,
    model_in_path=MODEL_IN_PATH,
    chat=chat,
)
