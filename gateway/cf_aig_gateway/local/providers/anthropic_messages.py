"""Anthropic's messages, simulated: docs.anthropic.com/en/api/messages, errors and streaming."""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.json_text import read_json, write_json
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers.answers import Answer, json_answer
from cf_aig_gateway.local.providers.anthropic_caching import tool_texts, wrong_marks
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import (
    Question,
    Tool,
    demanded,
    last_user_text,
    text_of,
)
from cf_aig_gateway.local.providers.wire import Refused, bearer, reply_id
from cf_aig_gateway.prompt_caching import LIVES
from cf_aig_gateway.shapes import as_list, as_object, as_text

STOP = {"stop": "end_turn", "length": "max_tokens", "filtered": "refusal", "tool": "tool_use"}
DEFAULT_WINDOW = 200_000
ROLES = {"user", "assistant", "system"}
"""Allowed roles; `system` within a conversation since the beta mid-conversation-system-2026-04-07."""


def read(call: Call) -> Question:
    """Return the question, after checking what Anthropic requires."""
    content = call.content
    if not content:
        raise _invalid("The request body is not valid JSON: expected an object")
    if call.request_type != "rest" and "anthropic-version" not in call.headers:
        raise _invalid("anthropic-version: header is required")
    for name in ("model", "messages", "max_tokens"):
        if name not in content:
            raise _invalid(f"{name}: Field required")
    messages = [as_object(message) for message in as_list(content["messages"])]
    if not messages:
        raise _invalid("messages: at least one message is required")
    for number, message in enumerate(messages):
        if message.get("role") not in (ROLES if number else ROLES - {"system"}):
            raise _invalid(f"messages.{number}.role: Input should be 'user' or 'assistant'")
    bound = content["max_tokens"]
    if not isinstance(bound, int) or isinstance(bound, bool) or bound < 1:
        raise _invalid("max_tokens: Input should be greater than or equal to 1")
    if wrong := wrong_marks(content):
        raise _invalid(wrong)
    prompt = [text_of(content.get("system")), *(text_of(message.get("content")) for message in messages)]
    return Question(
        provider=call.provider,
        model=call.model,
        messages=messages,
        prompt="\n".join([*tool_texts(content), *prompt]),
        last_words=last_user_text(messages),
        key=call.headers.get("x-api-key") or bearer(call),
        max_tokens=bound,
        stream=content.get("stream") is True,
        tool=_demanded(content, messages),
        offered=_offered(content, messages),
        schema=_schema(content),
        content=content,
    )


def _demanded(content: Mapping[str, Any], messages: list[dict[str, Any]]) -> Tool | None:
    """Return the tool that must be called; None after a tool's result."""
    choice = as_object(content.get("tool_choice"))
    if choice.get("type") not in ("any", "tool") or _follows_result(messages):
        return None
    tools = _offered(content, messages)
    if not tools:
        raise _invalid("tool_choice: tool_choice may only be specified while providing tools.")
    tool = demanded(tools, as_text(choice.get("name")), required=choice["type"] == "any")
    if tool is None:
        raise _invalid(f"tool_choice: Tool '{as_text(choice.get('name'))}' not found in provided tools")
    return tool


def _offered(content: Mapping[str, Any], messages: list[dict[str, Any]]) -> list[Tool]:
    given = [as_object(tool) for tool in as_list(content.get("tools"))] if not _follows_result(messages) else []
    return [Tool(as_text(tool.get("name")), as_object(tool.get("input_schema"))) for tool in given]


def _follows_result(messages: list[dict[str, Any]]) -> bool:
    """Whether a tool's result came after the model's last message."""
    said = takewhile(lambda message: message.get("role") != "assistant", reversed(messages))
    return any(
        as_object(part).get("type") == "tool_result" for message in said for part in as_list(message.get("content"))
    )


def _schema(content: Mapping[str, Any]) -> dict[str, Any] | None:
    wanted = as_object(as_object(content.get("output_config")).get("format")) or as_object(content.get("output_format"))
    return as_object(wanted.get("schema")) if wanted.get("type") == "json_schema" else None


def refusal(failure: str, question: Question) -> Answer:
    """Return Anthropic's body for a failure."""
    match failure:
        case "bad_key":
            return _error(401, "authentication_error", "invalid x-api-key")
        case "unknown_model":
            return _error(404, "not_found_error", f"model: {question.model}")
        case "context_too_long":
            window = pricing.context_window(question.provider, question.model) or DEFAULT_WINDOW
            sent = max(question.prompt_tokens, window + 1)
            return _error(400, "invalid_request_error", f"prompt is too long: {sent} tokens > {window} maximum")
        case "rate_limited":
            message = (
                "This request would exceed your organization's rate limit of 50 requests per minute. For details, "
                "refer to: https://docs.anthropic.com/en/api/rate-limits."
            )
            return _error(429, "rate_limit_error", message, {"retry-after": "20"})
        case "overloaded":
            return _error(529, "overloaded_error", "Overloaded")
        case _:
            return _error(500, "api_error", "Internal server error")


def whole(question: Question, reply: Reply) -> dict[str, Any]:
    """Return a message object."""
    return {
        **_head(question, reply),
        "content": [_block(question, reply)],
        "stop_reason": STOP[reply.finish],
        "stop_sequence": None,
        "usage": _usage(reply, reply.tokens_out),
    }


def events(question: Question, reply: Reply) -> Iterator[bytes]:
    """Yield the events of a message: start, one content block, its end."""
    start: dict[str, Any] = {
        **_head(question, reply),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(reply, 1),
    }
    yield _event("message_start", message=start)
    is_call = reply.finish == "tool"
    empty: dict[str, Any] = {"input": {}} if is_call else {"text": ""}
    yield _event("content_block_start", index=0, content_block={**_block(question, reply), **empty})
    yield _event("ping")
    kind, name = ("input_json_delta", "partial_json") if is_call else ("text_delta", "text")
    for piece in reply.pieces():
        yield _event("content_block_delta", index=0, delta={"type": kind, name: piece})
    yield _event("content_block_stop", index=0)
    end = {"stop_reason": STOP[reply.finish], "stop_sequence": None}
    yield _event("message_delta", delta=end, usage={"output_tokens": reply.tokens_out})
    yield _event("message_stop")


def _block(question: Question, reply: Reply) -> dict[str, Any]:
    if reply.finish == "tool" and question.tool:
        called = {"id": reply_id("toolu_", question), "name": question.tool.name, "input": read_json(reply.text)}
        return {"type": "tool_use", **called}
    return {"type": "text", "text": reply.text}


def _head(question: Question, reply: Reply) -> dict[str, Any]:
    head = {"id": reply_id("msg_", question), "type": "message", "role": "assistant", "model": question.model}
    return {**head, "diagnostics": reply.diagnosis} if "diagnostics" in question.content else head


def _usage(reply: Reply, tokens_out: int) -> dict[str, Any]:
    cached = reply.cached
    long = cached.written.get(LIVES["1h"], 0)
    return {
        "input_tokens": reply.tokens_in - cached.read - cached.written_tokens,
        "cache_creation_input_tokens": cached.written_tokens,
        "cache_read_input_tokens": cached.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": cached.written_tokens - long,
            "ephemeral_1h_input_tokens": long,
        },
        "output_tokens": tokens_out,
        "service_tier": "standard",
    }


def _event(kind: str, **content: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), write_json({"type": kind, **content}))


def _error(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulated"}
    return json_answer(status, body, {"request-id": "req_simulated", **(headers or {})})


def _invalid(message: str) -> Refused:
    return Refused(_error(400, "invalid_request_error", message))
