"""Which provider's form a JSON value is written in, told from its shape, and the conversation that it holds."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_tools.reading import replies
from cf_aig_tools.reading.content import Measure, as_json
from cf_aig_tools.reading.conversation import Conversation, Turn
from cf_aig_tools.reading.messages import messages, system

Read = Callable[[dict[str, Any], Measure], Conversation]

_PARAMETERS = (
    "temperature", "top_p", "topP", "max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens",
    "stop", "stop_sequences", "n", "seed", "stream", "tool_choice", "response_format", "reasoning_effort", "reasoning",
    "thinking", "previous_response_id", "presence_penalty", "frequency_penalty", "responseMimeType", "dimensions",
)  # fmt: skip


def recognised(value: Any, gap: Measure) -> Conversation | None:
    """Return the conversation that a body holds, or None when its form is not known."""
    if isinstance(value, list):
        return _universal(as_list(value), gap)
    body = as_object(value)
    if error := replies.error(body):
        return Conversation("error", as_text(body.get("model")), error=error)
    if "success" in body and isinstance(body.get("result"), dict):
        return _below("/result", recognised(body["result"], gap))
    read = next((read for shows, read in _FORMS if shows(body)), None)
    return read(body, gap) if read else None


def _universal(steps: list[Any], gap: Measure) -> Conversation | None:
    """Read the array of the universal endpoint: `[{provider, endpoint, headers, query}]`, or Gemini's of an error."""
    first = as_object(next(iter(steps), None))
    if "provider" not in first or "query" not in first:
        return recognised(first, gap) if "error" in first else None
    asked = recognised(first["query"], gap) or Conversation("unknown form")
    names = ", then ".join(
        f"{as_text(as_object(step).get('provider'))} {_model_of(step)}".strip() for step in steps[:5]
    )
    kind = f"Universal request of {len(steps)} steps ({names}); first: {asked.kind}"
    return _below("/0/query", replace(asked, kind=kind))


def _below(pointer: str, held: Conversation | None) -> Conversation | None:
    """Return a conversation whose turns stand below that pointer."""
    turns = tuple(replace(turn, pointer=pointer + turn.pointer) for turn in held.turns) if held else ()
    return replace(held, turns=turns) if held else None


def _model_of(step: Any) -> str:
    return as_text(as_object(as_object(step).get("query")).get("model"))


def _request(kind: str, body: dict[str, Any], turns: Iterable[Turn]) -> Conversation:
    given = body | as_object(body.get("generationConfig"))
    return Conversation(
        kind,
        as_text(body.get("model")),
        {name: _parameter(given[name]) for name in _PARAMETERS if given.get(name) is not None},
        tuple(_tool_names(as_list(body.get("tools")))),
        tuple(turns),
    )


def _parameter(value: Any) -> str:
    if kind := as_text(as_object(value).get("type")):
        return f"{kind} {as_text(as_object(as_object(value).get('json_schema')).get('name'))}".strip()
    return value if isinstance(value, str) else as_json(value)


def _tool_names(tools: list[Any]) -> Iterable[str]:
    for tool in map(as_object, tools):
        for declared in as_list(tool.get("functionDeclarations")) or [tool.get("function") or tool]:
            function = as_object(declared)
            yield as_text(function.get("name")) or as_text(function.get("type"))


def _chat(body: dict[str, Any], gap: Measure) -> Conversation:
    return _request("OpenAI chat", body, messages(body["messages"], gap, "/messages"))


def _anthropic(body: dict[str, Any], gap: Measure) -> Conversation:
    turns = [*system(body.get("system"), gap, "/system"), *messages(body["messages"], gap, "/messages")]
    return _request("Anthropic messages", body, turns)


def _workers_ai(body: dict[str, Any], gap: Measure) -> Conversation:
    held = "messages" if "messages" in body else "prompt"
    return _request("Prompt" if "model" in body else "Workers AI", body, messages(body[held], gap, f"/{held}"))


def _responses(body: dict[str, Any], gap: Measure) -> Conversation:
    turns = [*system(body.get("instructions"), gap, "/instructions"), *messages(body["input"], gap, "/input")]
    return _request("OpenAI responses", body, turns)


def _embeddings(body: dict[str, Any], _: Measure) -> Conversation:
    texts = as_list(body["input"]) or [body["input"]]
    turns = [Turn("input", text, f"/input/{number}") for number, text in enumerate(texts) if isinstance(text, str)]
    return _request("Embeddings", body, turns)


def _gemini(body: dict[str, Any], gap: Measure) -> Conversation:
    instructions = body.get("systemInstruction", body.get("system_instruction"))
    turns = [*system(instructions, gap, "/systemInstruction"), *messages(body["contents"], gap, "/contents")]
    return _request("Gemini", body, turns)


def _is_anthropic(body: dict[str, Any]) -> bool:
    if not _has_messages(body):
        return False
    parts = (part for message in as_list(body["messages"]) for part in as_list(as_object(message).get("content")))
    own = any(as_object(part).get("type") in {"tool_use", "tool_result", "image", "document"} for part in parts)
    return "system" in body or own or "anthropic_version" in body or as_text(body.get("model")).startswith("claude")


def _has_messages(body: dict[str, Any]) -> bool:
    return isinstance(body.get("messages"), list)


def _is_input(body: dict[str, Any]) -> bool:
    return "model" in body and isinstance(body.get("input"), str | list)


def _is_embeddings(body: dict[str, Any]) -> bool:
    texts = as_list(body.get("input"))
    named = "embed" in as_text(body.get("model")) or "encoding_format" in body or "dimensions" in body
    return _is_input(body) and (named or (bool(texts) and all(isinstance(text, str) for text in texts)))


_FORMS: tuple[tuple[Callable[[dict[str, Any]], bool], Read], ...] = (
    *replies.FORMS,
    (_is_anthropic, _anthropic),
    (lambda body: _has_messages(body) and "model" not in body, _workers_ai),
    (_has_messages, _chat),
    (lambda body: isinstance(body.get("contents"), list), _gemini),
    (_is_embeddings, _embeddings),
    (_is_input, _responses),
    (lambda body: isinstance(body.get("prompt"), str), _workers_ai),
)
