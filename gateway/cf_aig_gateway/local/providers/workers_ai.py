"""Workers AI's own form: developers.cloudflare.com/workers-ai, its v4 envelope and platform/errors."""

from collections.abc import Iterator
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.json_text import read_json, write_json
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers import openai_chat, openai_embeddings
from cf_aig_gateway.local.providers.answers import Answer, json_answer
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import (
    Question,
    last_user_text,
    text_of,
)
from cf_aig_gateway.local.providers.wire import Refused, as_whole_number, bearer
from cf_aig_gateway.shapes import as_list, as_object

MAX_TOKENS = 256
"""The token limit if the caller gives none, as the models' pages say."""

DIMENSIONS = 768
"""Numbers of a vector, as in @cf/baai/bge-base-en-v1.5."""

DEFAULT_WINDOW = 8192


def read(call: Call) -> Question:
    """Return the question: messages, or one prompt."""
    content = call.content
    messages = [as_object(message) for message in as_list(content.get("messages"))]
    for name in ("prompt", "text"):
        if text := content.get(name):
            messages = [{"role": "user", "content": "\n".join(openai_embeddings.inputs(text))}]
    if not messages:
        missing = ", ".join(f"required properties at '/' are '{name}'" for name in ("prompt", "messages"))
        raise Refused(_error(400, 5006, f"AiError: Bad input: Error: oneOf at '/' not met, 0 matches: {missing}"))
    bound = content.get("max_tokens", MAX_TOKENS)
    return Question(
        provider=call.provider,
        model=call.model,
        messages=messages,
        prompt="\n".join(text_of(message.get("content")) for message in messages),
        last_words=last_user_text(messages),
        key=bearer(call),
        max_tokens=as_whole_number(bound),
        stream=content.get("stream") is True,
        tool=openai_chat.demanded_tool(content, messages),
        offered=openai_chat.offered_tools(content, messages),
        schema=openai_chat.json_schema(content),
        content=content,
    )


def refusal(failure: str, question: Question) -> Answer:
    """Return Workers AI's body for a failure."""
    match failure:
        case "bad_key":
            return _error(401, 10000, "Authentication error")
        case "unknown_model":
            return _error(400, 5007, f"No such model {question.model} or task")
        case "context_too_long":
            window = pricing.context_window(question.provider, question.model) or DEFAULT_WINDOW
            asked = max(question.prompt_tokens + (question.max_tokens or 0), window + 1)
            message = (
                f"AiError: The estimated number of input and maximum output tokens ({asked}) exceeded this model "
                f"context window limit ({window})."
            )
            return _error(413, 5021, message)
        case "rate_limited":
            message = (
                "AiError: you have used up your daily free allocation of 10,000 neurons, please upgrade to "
                "Cloudflare's Workers Paid plan if you would like to continue usage."
            )
            return _error(429, 3036, message)
        case "overloaded":
            return _error(429, 3040, "AiError: Capacity temporarily exceeded, please try again.")
        case _:
            return _error(500, 3043, "AiError: Internal server error")


def whole(question: Question, reply: Reply) -> dict[str, Any]:
    """Return the result in its envelope: text, or vectors of an embedding model."""
    if "text" in question.content:
        texts = openai_embeddings.inputs(question.content["text"])
        vectors = [openai_embeddings.vector(text, DIMENSIONS) for text in texts]
        shape = [len(vectors), DIMENSIONS]
        return _envelope({"shape": shape, "data": vectors, "pooling": "mean", "usage": _usage(reply)})
    return _envelope({**_said(question, reply), "usage": _usage(reply)})


def _said(question: Question, reply: Reply) -> dict[str, Any]:
    if reply.finish == "tool" and question.tool:
        return {"response": None, "tool_calls": [{"name": question.tool.name, "arguments": read_json(reply.text)}]}
    return {"response": reply.text if question.schema is None else read_json(reply.text), "tool_calls": []}


def _envelope(result: dict[str, Any]) -> dict[str, Any]:
    return {"result": result, "success": True, "errors": [], "messages": []}


def events(question: Question, reply: Reply) -> Iterator[bytes]:
    """Yield the words or the call, the usage, and the end mark."""
    if reply.finish == "tool":
        yield _event({**_said(question, reply), "response": ""})
    else:
        for piece in reply.pieces():
            yield _event({"response": piece})
    yield _event({"response": "", "usage": _usage(reply)})
    yield b"data: [DONE]\n\n"


def _usage(reply: Reply) -> dict[str, int]:
    return {name: count for name, count in openai_chat.usage(reply).items() if name.endswith("_tokens")}


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + write_json(content) + b"\n\n"


def _error(status: int, code: int, message: str) -> Answer:
    return json_answer(
        status, {"errors": [{"message": message, "code": code}], "success": False, "result": {}, "messages": []}
    )
