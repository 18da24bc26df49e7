"""Chat completions as OpenAI speaks them: platform.openai.com/docs/api-reference/chat."""

from collections.abc import Iterator
from typing import Any

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.json_text import write_json
from cf_aig_gateway.local.providers import openai_errors
from cf_aig_gateway.local.providers.answers import Answer
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, last_user_text, text_of
from cf_aig_gateway.local.providers.wire import CREATED, bearer, reply_id
from cf_aig_gateway.shapes import as_list, as_object

FINISH = {"stop": "stop", "length": "length", "filtered": "content_filter", "tool": "tool_calls"}
ROLES = {"developer", "system", "user", "assistant", "tool", "function"}


def read(call: Call) -> Question:
    """Return what is asked, once what OpenAI requires is there."""
    content = call.content
    if not content:
        raise openai_errors.not_json()
    if not call.model:
        raise openai_errors.missing("model")
    if "messages" not in content:
        raise openai_errors.missing("messages")
    messages = [as_object(message) for message in as_list(content["messages"])]
    if not messages:
        raise openai_errors.wrong_type("messages", "an array of objects with at least one")
    for number, message in enumerate(messages):
        if message.get("role") not in ROLES:
            raise openai_errors.wrong_type(f"messages[{number}].role", f"one of {', '.join(sorted(ROLES))}")
    bound = content.get("max_completion_tokens") or content.get("max_tokens")
    return Question(
        provider=call.provider,
        model=call.model,
        messages=messages,
        prompt="\n".join(text_of(message.get("content")) for message in messages),
        last_words=last_user_text(messages),
        key=bearer(call),
        max_tokens=openai_errors.as_whole_number(bound),
        stream=content.get("stream") is True,
        content=content,
    )


def refusal(failure: str, question: Question) -> Answer:
    return openai_errors.refusal(failure, question)


def whole(question: Question, reply: Reply) -> dict[str, Any]:
    """Return a chat.completion object."""
    choice = {"index": 0, "message": _message(reply), "logprobs": None, "finish_reason": FINISH[reply.finish]}
    return {**_head(question, "chat.completion"), "choices": [choice], "usage": usage(reply)}


def events(question: Question, reply: Reply) -> Iterator[bytes]:
    """Yield chat.completion.chunk objects: the role, the words, the end, the usage where it is asked for."""
    head = _head(question, "chat.completion.chunk")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": piece} for piece in reply.pieces()]
    for delta in deltas:
        yield _event({**head, "choices": [_choice(delta, None)]})
    yield _event({**head, "choices": [_choice({}, FINISH[reply.finish])]})
    if as_object(question.content.get("stream_options")).get("include_usage") is True:
        yield _event({**head, "choices": [], "usage": usage(reply)})
    yield b"data: [DONE]\n\n"


def usage(reply: Reply) -> dict[str, Any]:
    """Return a usage block."""
    return {
        "prompt_tokens": reply.tokens_in,
        "completion_tokens": reply.tokens_out,
        "total_tokens": reply.tokens_in + reply.tokens_out,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _message(reply: Reply) -> dict[str, Any]:
    return {"role": "assistant", "content": reply.text, "refusal": None}


def _head(question: Question, kind: str) -> dict[str, Any]:
    return {
        "id": reply_id("chatcmpl-", question),
        "object": kind,
        "created": CREATED,
        "model": question.model,
        "system_fingerprint": None,
    }


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + write_json(content) + b"\n\n"
