"""Workers AI's own form: developers.cloudflare.com/workers-ai, its results and platform/errors."""

from collections.abc import Mapping
from typing import Any

from cf_aig_gateway.formats.content import Content, Gap, as_json, parameters, tool_names
from cf_aig_gateway.formats.conversation import Conversation
from cf_aig_gateway.formats.errors import Said, code_of, shared
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.formats.growth import append
from cf_aig_gateway.formats.openai_chat import PARAMETERS, add_calls, turns, usage
from cf_aig_gateway.shapes import as_list, as_object

FAILURES = {
    3006: "invalid request", 3007: "timeout", 3008: "timeout", 3023: "no permission", 3036: "rate limited by provider",
    3040: "overloaded", 3041: "no permission", 3042: "unknown model", 3043: "provider down", 5004: "invalid request",
    5007: "unknown model", 5016: "no permission", 5018: "no permission",
}  # fmt: skip
"""What its error codes mean: developers.cloudflare.com/workers-ai/platform/errors, read 2026-11."""


def is_request(body: Body) -> bool:
    """Recognize messages whose model is in the path, or just a prompt."""
    return "model" not in body and (isinstance(body.get("messages"), list) or isinstance(body.get("prompt"), str))


def request(body: Body, gap: Gap) -> Conversation:
    """Read a request."""
    held = "messages" if "messages" in body else "prompt"
    tools = tuple(tool_names(as_list(body.get("tools"))))
    said = tuple(turns(body[held], gap, f"/{held}"))
    return Conversation("Workers AI", "", parameters(body, PARAMETERS), tools, said)


def is_reply(body: Body) -> bool:
    """Recognize a result: its response is a text or, if JSON was requested, an object."""
    return isinstance(body.get("response", 0), str | dict | None)


def reply(body: Body, gap: Gap) -> Conversation:
    """Read a result."""
    content = Content(gap)
    response = body.get("response")
    content.text(as_json(response) if isinstance(response, dict) else response)
    add_calls(content, body.get("tool_calls"))
    return Conversation("Workers AI", turns=(content.turn("assistant", "/response"),))


class WorkersAIAssembly(Assembly):
    """A result from its events."""

    expects_done = True

    def __init__(self) -> None:
        super().__init__()
        self.held["response"] = None

    def add(self, event: Body) -> None:
        """Take the next event."""
        append(self.held, "response", event.get("response"))
        self.held |= {name: event[name] for name in ("usage", "tool_calls") if event.get(name)}


def chat(_: str, messages: list[Body], given: Mapping[str, Any]) -> Body:
    """Write a chat. Its model is in the path."""
    return {"messages": messages, **given}


def said(body: Body) -> Said | None:
    """Read an error in the v4 envelope with one of Workers AI's own codes."""
    first = as_object(next(iter(as_list(body.get("errors"))), None))
    kind = FAILURES.get(code_of(first) or 0, "")
    held = shared(body) if kind else None
    return Said(held.words, held.labels, held.code, kind=kind) if held else None


FORMAT = Format(
    "Workers AI",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    is_event=lambda event: "response" in event or "tool_calls" in event,
    assembly=WorkersAIAssembly,
    members=("tool_calls",),
    usage=usage,
    flavors=("default", "chat"),
    said=said,
    ends=(b"data: [DONE]",),
    chat=chat,
    streamed={"stream": True},
)
