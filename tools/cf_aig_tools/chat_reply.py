"""Shows a model the gateway's reply to a chat."""

import json
from typing import Any

from pydantic import BaseModel

from cf_aig_gateway.one_line import named, shortened, word
from cf_aig_gateway.replies import Reply
from cf_aig_tools.reading.budget import cut
from cf_aig_tools.reading.fence import fenced
from cf_aig_tools.reading.masking import Masker

LONGEST = 200
"""Maximum characters of a name."""

AROUND = 500
"""Token budget for what surrounds the reply text."""


class ChatReply(BaseModel):
    """What the model said, and how the gateway handled the call (duration in milliseconds)."""

    text: str
    log_id: str | None = None
    gateway_id: str
    provider: str | None = None
    model: str
    cache_status: str | None = None
    step: str | None = None
    routing: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    duration: int
    finish_reason: str | None = None
    tool_calls: list[Any] | None = None


def chat_reply(gateway_id: str, reply: Reply, budget: int, masker: Masker) -> ChatReply:
    """Return a reply with its text masked and cut to the budget in tokens."""
    said = masker.mask(reply.text)
    text = cut(said, budget - AROUND)
    if text != said:
        text += f"… ({len(said) - len(text):,} more characters: get_log_response_body)"
    return ChatReply(
        text=text,
        log_id=reply.log_id,
        gateway_id=gateway_id,
        provider=_brief(reply.provider),
        model=_brief(reply.model) or "",
        cache_status=_brief(reply.cache_status),
        step=_brief(reply.step),
        routing=_brief(reply.routing),
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        duration=reply.duration,
        finish_reason=_brief(reply.finish_reason),
        tool_calls=reply.tool_calls or None,
    )


def _brief(text: str | None) -> str | None:
    """Return a value that a gateway or provider reported beside the reply, cut to a reasonable length."""
    return None if text is None else shortened(text, LONGEST)


def reply_text(reply: ChatReply) -> str:
    """Return the reply in a fence, and a line saying how the gateway handled it."""
    return "\n".join([*_said(reply), f"— {', '.join(_facts(reply))}"])


def _said(reply: ChatReply) -> list[str]:
    calls = [json.dumps(call, ensure_ascii=False, separators=(",", ":")) for call in reply.tool_calls or []]
    said = [*([reply.text] if reply.text else []), *(f"tool call: {call}" for call in calls)]
    return [fenced("\n".join(said))] if said else ["(no text)"]


def _facts(reply: ChatReply) -> list[str]:
    is_whole = reply.model.startswith((f"{reply.provider}/", "@cf/"))
    subject = reply.model if is_whole or not reply.provider else f"{reply.provider}/{reply.model}"
    facts = [
        f"{word(subject)} through {named(reply.gateway_id)}",
        f"{reply.duration} ms",
        reply.cache_status and f"cache {reply.cache_status}",
        f"chosen by {named(reply.routing)}" if reply.routing else "",
        f"step {reply.step}" if reply.step not in {None, "0"} else "",
        f"{reply.tokens_in} + {reply.tokens_out} tokens" if reply.tokens_in is not None else "",
        reply.finish_reason and f"finished: {reply.finish_reason}",
        f"log {reply.log_id}" if reply.log_id else "not logged",
    ]
    return [fact for fact in facts if fact]
