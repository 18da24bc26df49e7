"""Cohere's chat, version 2: docs.cohere.com/reference/chat, …/chat-stream, …/errors."""

from collections.abc import Iterator
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers import openai_chat
from cf_aig_gateway.local.providers.answers import Answer, json_answer
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, last_user_text, text_of
from cf_aig_gateway.local.providers.wire import Refused, as_whole_number, bearer, reply_id
from cf_aig_gateway.shapes import as_list, as_object, as_text

FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "filtered": "ERROR", "tool": "TOOL_CALL"}
DEFAULT_WINDOW = 128_000


def read(call: Call) -> Question:
    """Return the question, after checking what Cohere requires."""
    content = call.content
    messages = [as_object(message) for message in as_list(content.get("messages"))]
    if not as_text(content.get("model")):
        raise Refused(_error(400, "invalid request: model is required"))
    if not messages:
        why = "invalid request: message must be at least 1 token long or tool results must be specified."
        raise Refused(_error(400, why))
    bound = content.get("max_tokens")
    choice = {"REQUIRED": "required"}.get(as_text(content.get("tool_choice")))
    return Question(
        provider=call.provider,
        model=call.model,
        messages=messages,
        prompt="\n".join(text_of(message.get("content")) for message in messages),
        last_words=last_user_text(messages),
        key=bearer(call),
        max_tokens=as_whole_number(bound),
        stream=content.get("stream") is True,
        tool=openai_chat.demanded_tool({**content, "tool_choice": choice}, messages),
        offered=openai_chat.offered_tools(content, messages),
        schema=_schema(as_object(content.get("response_format"))),
        content=content,
    )


def _schema(wanted: dict[str, Any]) -> dict[str, Any] | None:
    if wanted.get("type") != "json_object":
        return None
    return as_object(wanted.get("schema")) or as_object(wanted.get("json_schema")) or openai_chat.JSON_REPLY


def refusal(failure: str, question: Question) -> Answer:
    """Return Cohere's body for a failure."""
    match failure:
        case "bad_key":
            return _error(401, "invalid api token")
        case "unknown_model":
            return _error(404, f"model '{question.model}' not found, make sure the correct model ID was used.")
        case "context_too_long":
            window = pricing.context_window(question.provider, question.model) or DEFAULT_WINDOW
            sent = max(question.prompt_tokens, window + 1)
            return _error(400, f"too many tokens: size limit exceeded by {sent - window} tokens.")
        case "rate_limited":
            return _error(429, "You are using a Trial key, which is limited to 20 API calls / minute.")
        case "overloaded":
            return _error(503, "The service is overloaded, please try again later.")
        case _:
            return _error(500, "internal server error")


def whole(question: Question, reply: Reply) -> dict[str, Any]:
    """Return a reply."""
    return {
        "id": reply_id("", question),
        "finish_reason": FINISH[reply.finish],
        "message": {"role": "assistant", **_said(question, reply)},
        "usage": _usage(reply),
    }


def _said(question: Question, reply: Reply) -> dict[str, Any]:
    if reply.finish == "tool":
        called = openai_chat.tool_call(question, reply.text)
        return {"tool_calls": [called], "tool_plan": f"I will use the {called['function']['name']} tool."}
    return {"content": [{"type": "text", "text": reply.text}] if reply.text else []}


def events(question: Question, reply: Reply) -> Iterator[bytes]:
    """Yield the events of a reply: its start, one part, its end."""
    yield _event("message-start", id=reply_id("", question), delta={"message": {"role": "assistant", "content": []}})
    kind = "tool-call" if reply.finish == "tool" else "content"
    yield _event(f"{kind}-start", index=0, delta={"message": _part(question, reply, "")})
    for piece in reply.pieces():
        called, said = {"tool_calls": {"function": {"arguments": piece}}}, {"content": {"text": piece}}
        yield _event(f"{kind}-delta", index=0, delta={"message": called if kind == "tool-call" else said})
    yield _event(f"{kind}-end", index=0)
    yield _event("message-end", delta={"finish_reason": FINISH[reply.finish], "usage": _usage(reply)})


def _part(question: Question, reply: Reply, text: str) -> dict[str, Any]:
    if reply.finish == "tool":
        return {"tool_calls": openai_chat.tool_call(question, text)}
    return {"content": {"type": "text", "text": text}}


def _usage(reply: Reply) -> dict[str, Any]:
    tokens = {"input_tokens": reply.tokens_in, "output_tokens": reply.tokens_out}
    return {"billed_units": tokens, "tokens": tokens}


def _event(kind: str, **content: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), write_json({"type": kind, **content}))


def _error(status: int, message: str) -> Answer:
    return json_answer(status, {"message": message})
