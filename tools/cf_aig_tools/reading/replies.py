"""What providers answer, whole or put together from a stream, as a conversation."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_tools.reading.content import Content, Measure, as_json
from cf_aig_tools.reading.conversation import Conversation, Turn
from cf_aig_tools.reading.messages import message

Read = Callable[[dict[str, Any], Measure], Conversation]

_USAGE = {
    "prompt_tokens": "in", "input_tokens": "in", "promptTokenCount": "in",
    "completion_tokens": "out", "output_tokens": "out", "candidatesTokenCount": "out",
    "cache_read_input_tokens": "cache read", "cache_creation_input_tokens": "cache write",
    "cached_tokens": "cache read", "reasoning_tokens": "reasoning", "thoughtsTokenCount": "reasoning",
}  # fmt: skip


def error(body: dict[str, Any]) -> str:
    """Return what an error body says, in the provider's words; empty when it is none."""
    held = body.get("error") or body.get("errors")
    if not held or "choices" in body or "output" in body:
        return ""
    first = next(iter(as_list(held)), held)
    said = as_object(first)
    words = as_text(first) or as_text(said.get("message")) or as_json(first)
    return f"{as_text(said.get('type') or said.get('code'))}: {words}".removeprefix(": ")


def _usage(held: Any) -> dict[str, int]:
    given = as_object(held)
    details = as_object(given.get("prompt_tokens_details") or given.get("input_tokens_details"))
    details = details | as_object(given.get("completion_tokens_details") or given.get("output_tokens_details"))
    counts = ((_USAGE[name], value) for name, value in (given | details).items() if name in _USAGE)
    return {name: value for name, value in counts if isinstance(value, int) and (value or name in {"in", "out"})}


def _chat(body: dict[str, Any], gap: Measure) -> Conversation:
    choices = [as_object(choice) for choice in as_list(body["choices"])]
    turns = [_choice(choice, gap, f"/choices/{number}") for number, choice in enumerate(choices)]
    finish = ", ".join(as_text(choice.get("finish_reason")) for choice in choices).strip(", ")
    return _reply("OpenAI chat", body, turns, finish)


def _choice(choice: dict[str, Any], gap: Measure, pointer: str) -> Turn:
    if "message" in choice:
        return message(choice["message"], gap, f"{pointer}/message", "assistant")
    return Turn("assistant", as_text(choice.get("text")), f"{pointer}/text")


def _anthropic(body: dict[str, Any], gap: Measure) -> Conversation:
    turn = message({"role": "assistant", "content": body["content"]}, gap, "/content")
    return _reply("Anthropic messages", body, [turn], as_text(body.get("stop_reason")))


def _responses(body: dict[str, Any], gap: Measure) -> Conversation:
    turns = [message(item, gap, f"/output/{number}", "") for number, item in enumerate(as_list(body["output"]))]
    reason = as_text(as_object(body.get("incomplete_details")).get("reason"))
    finish = " ".join(filter(None, [as_text(body.get("status")), reason]))
    reply = _reply("OpenAI responses", body, turns, finish)
    failed = as_object(body.get("error"))
    return replace(reply, error=error({"error": failed})) if failed else reply


def _workers_ai(body: dict[str, Any], gap: Measure) -> Conversation:
    """Read `{response, tool_calls, usage}`; a reply that was asked for as JSON is an object."""
    content = Content(gap)
    response = body.get("response")
    content.add(as_json(response) if isinstance(response, dict) else response)
    content.add_tool_calls(body.get("tool_calls"))
    return _reply("Workers AI", body, [content.turn("assistant", "/response")], "")


def _gemini(body: dict[str, Any], gap: Measure) -> Conversation:
    found = [as_object(candidate) for candidate in as_list(body.get("candidates"))]
    turns = [
        message(candidate.get("content"), gap, f"/candidates/{number}/content", "model")
        for number, candidate in enumerate(found)
    ]
    blocked = as_text(as_object(body.get("promptFeedback")).get("blockReason"))
    finish = ", ".join([*(as_text(candidate.get("finishReason")) for candidate in found), *filter(None, [blocked])])
    named = {"model": body.get("modelVersion"), "usage": body.get("usageMetadata")}
    return _reply("Gemini", named, turns, finish)


def _embeddings(body: dict[str, Any], _: Measure) -> Conversation:
    sizes = Counter(_numbers(as_object(item).get("embedding", item)) for item in as_list(body["data"]))
    shape = ", ".join(f"{count} vectors of {size} numbers" for size, count in sizes.items())
    return _reply("Embeddings", body, [Turn("embedding", shape, "/data")], "")


def _numbers(vector: Any) -> int:
    """Return how many numbers a vector has: a list of them, or the base64 of four bytes for each."""
    return len(vector) * 3 // 16 if isinstance(vector, str) else len(as_list(vector))


def _reply(kind: str, body: dict[str, Any], turns: list[Turn], finish: str) -> Conversation:
    return Conversation(
        kind, as_text(body.get("model")), turns=tuple(turns), finish=finish, usage=_usage(body.get("usage"))
    )


def _has_response(body: dict[str, Any]) -> bool:
    return isinstance(body.get("response", 0), str | dict | None)


def _has_vectors(body: dict[str, Any]) -> bool:
    first = next(iter(as_list(body.get("data"))), None)
    return "embedding" in as_object(first) or (bool(as_list(first)) and "shape" in body)


FORMS: tuple[tuple[Callable[[dict[str, Any]], bool], Read], ...] = (
    (lambda body: isinstance(body.get("choices"), list), _chat),
    (lambda body: isinstance(body.get("content"), list) and "role" in body, _anthropic),
    (lambda body: isinstance(body.get("output"), list), _responses),
    (lambda body: isinstance(body.get("candidates"), list) or "promptFeedback" in body, _gemini),
    (_has_vectors, _embeddings),
    (_has_response, _workers_ai),
)
