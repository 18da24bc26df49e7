"""Converts any request to a chat in OpenAI's format, and any reply to its message: evaluation tools read that, and
every model accepts it.

platform.openai.com/docs/api-reference/chat; the other formats are in the modules beside this one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cf_aig_gateway.formats import audio, embeddings, images, openai_chat, request_format, workers_ai
from cf_aig_gateway.formats.chat_options import CARRIED, HELD_ELSEWHERE, flat, parameters, tools_of
from cf_aig_gateway.formats.content import NO_GAP
from cf_aig_gateway.formats.conversation import Conversation, ToolCall, Turn
from cf_aig_gateway.formats.endings import CUT, FILTERED, FULL, REFUSED, shortfall
from cf_aig_gateway.formats.format import Body
from cf_aig_gateway.formats.members import named
from cf_aig_gateway.shapes import as_list, as_object

NO_CHATS = (audio.FORMAT, embeddings.FORMAT, images.FORMAT)
VERBATIM = (openai_chat.FORMAT, workers_ai.FORMAT)
"""Formats whose messages already are OpenAI's."""

ROLES = {"model": "assistant", "chatbot": "assistant", "": "user"}


@dataclass(frozen=True)
class Asked:
    """A request as a chat.

    `missing` lists content that its messages lack, `left_out` whatever else isn't carried over.
    """

    kind: str
    messages: list[Body]
    tools: list[Body]
    parameters: Body
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def asked(body: Body) -> Asked | None:
    """Return a request as a chat in OpenAI's format; None if it isn't a chat."""
    known = request_format(body)
    if known is None or known in NO_CHATS:
        return None
    held = named(known.request(body, NO_GAP), body, known)
    is_verbatim = known in VERBATIM and "messages" in body
    messages = [as_object(each) for each in as_list(body.get("messages"))] if is_verbatim else chat_messages(held.turns)
    tools, unknown = tools_of(body)
    given = parameters(body)
    others = [name for name in (*held.parameters, *held.others) if flat(name) not in CARRIED]
    if "reasoning_effort" in given and "reasoning" in others:
        others.remove("reasoning")
    missing = [] if is_verbatim else [f"[{medium}]" for turn in held.turns for medium in turn.media]
    missing += [name for name in body if name in HELD_ELSEWHERE and body[name]]
    return Asked(held.kind, messages, tools, given, tuple(missing), tuple(dict.fromkeys([*others, *unknown])))


def media(messages: Iterable[Any]) -> int:
    """Return how many pictures and files OpenAI's messages contain."""
    parts = (as_object(part) for message in messages for part in as_list(as_object(message).get("content")))
    return sum(part.get("type") in openai_chat.MEDIA for part in parts)


def answered(reply: Conversation) -> Body | None:
    """Return a reply as OpenAI's message (the first of several choices); None if it is empty."""
    turns = [turn for turn in reply.turns if turn.role != "sources"]
    if turns and turns[0].pointer.startswith("/choices"):
        turns = turns[:1]
    message = said("\n".join(turn.text for turn in turns if turn.text), [call for turn in turns for call in turn.calls])
    if reasoning := "\n".join(turn.reasoning for turn in turns if turn.reasoning):
        message["reasoning_content"] = reasoning
    return message if any(message.get(name) for name in ("content", "tool_calls", "reasoning_content")) else None


def said(text: str, calls: Iterable[ToolCall]) -> Body:
    """Return a message of the model."""
    message: Body = {"role": "assistant", "content": text or None}
    if written := list(map(_call, calls)):
        message["tool_calls"] = written
    return message


def finish(reply: Conversation) -> str:
    """Return a reply's finish reason in OpenAI's words; empty if it has none."""
    wrong = shortfall(reply)
    if wrong.startswith((CUT, FULL)):
        return "length"
    if wrong.startswith((FILTERED, REFUSED)):
        return "content_filter"
    if any(turn.calls for turn in reply.turns):
        return "tool_calls"
    return "stop" if reply.finish and (not wrong or wrong.startswith("is empty")) else reply.finish


def chat_messages(turns: Iterable[Turn]) -> list[Body]:
    """Return turns as OpenAI's messages. Consecutive turns of the model become one message, as tool results require."""
    messages: list[Body] = []
    for message in (message for turn in turns for message in _messages(turn)):
        last = messages[-1] if messages else {}
        if message["role"] == "assistant" == last.get("role"):
            texts = filter(None, [last.get("content"), message["content"]])
            last["content"] = "\n".join(texts) or None
            if calls := [*as_list(last.get("tool_calls")), *as_list(message.get("tool_calls"))]:
                last["tool_calls"] = calls
        else:
            messages.append(message)
    return messages


def _messages(turn: Turn) -> Iterator[Body]:
    yield from ({"role": "tool", "tool_call_id": result.id, "content": result.text} for result in turn.results)
    text = "\n".join(filter(None, [turn.text, *(f"[{medium}]" for medium in turn.media)]))
    role = ROLES.get(turn.role.lower(), turn.role.lower())
    if turn.calls or (role == "assistant" and text):
        yield said(text, turn.calls)
    elif text:
        yield {"role": role, "content": text}


def _call(call: ToolCall) -> Body:
    if call.is_free:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
