"""OpenAI's chat completions, and the many dialects of them: platform.openai.com/docs/api-reference/chat.

The dialects are data: Azure, Cerebras, Crusoe, DeepSeek, Groq, Mistral, Moonshot, OpenRouter, Perplexity, xAI, Z.ai and
others differ in what they call reasoning, sources and usage.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cf_aig_gateway.formats.content import Content, Gap, parameters, tool_names
from cf_aig_gateway.formats.conversation import Conversation, Turn
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.formats.growth import append, at, inner, merge
from cf_aig_gateway.formats.usage import Usage, count, first
from cf_aig_gateway.one_line import named
from cf_aig_gateway.shapes import as_list, as_object, as_text

REASONING = ("reasoning_content", "reasoning", "reasoning_text", "reasoning_details")
"""Names of a message's reasoning: at DeepSeek, at Groq and OpenRouter, elsewhere, and in OpenRouter's parts."""

PROMPT_CACHE = ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention")
"""Parameters that control the provider's prompt cache: developers.openai.com/api/docs/guides/prompt-caching."""

PARAMETERS = (
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "n", "seed", "stream", "tool_choice",
    "response_format", "reasoning_effort", "reasoning", "reasoning_format", "thinking", "presence_penalty",
    "frequency_penalty", "plugins", "models", "top_k", "service_tier", *PROMPT_CACHE,
)  # fmt: skip

MEMBERS = (
    "x_groq", "usage_breakdown", "citations", "search_results", "obfuscation", "message", "text", "delta",
    "finish_reason", "native_finish_reason", "stop_reason",
)  # fmt: skip

TEXTS = {"content", "text", "refusal", "arguments", "summary", "thinking", "transcript", "data", *REASONING}
"""Members that grow in a stream; all others are replaced."""

MEDIA = {
    "image_url": "url", "input_audio": "data", "file": "file_data", "video_url": "url", "document_url": "url",
    "audio_url": "url", "input_image": "image_url",
}  # fmt: skip
"""Parts that are pictures and files, and the member with their data or URL."""


def is_request(body: Body) -> bool:
    """Recognize a chat's request."""
    return isinstance(body.get("messages"), list) and "model" in body


def request(body: Body, gap: Gap) -> Conversation:
    """Read a chat's request."""
    return Conversation(
        "OpenAI chat",
        as_text(body.get("model")),
        parameters(body, PARAMETERS),
        tuple(tool_names([*as_list(body.get("tools")), *as_list(body.get("functions"))])),
        tuple(turns(body["messages"], gap, "/messages")),
    )


def turns(messages: Any, gap: Gap, pointer: str) -> Iterator[Turn]:
    """Yield a turn for each message of a list, or one for a text in place of a list."""
    if isinstance(messages, str):
        yield Turn("user", messages, pointer)
    for number, message in enumerate(as_list(messages)):
        yield turn(message, gap, f"{pointer}/{number}")


def turn(message: Any, gap: Gap, pointer: str, role: str = "") -> Turn:
    """Read one message. `role` is the speaker if the message names none."""
    held = as_object(message)
    if len(held) == 2 and isinstance(held.get("content"), str) and isinstance(held.get("role"), str):
        return Turn(held["role"], held["content"], pointer)
    content = Content(gap)
    for name in REASONING:
        content.think(held.get(name))
    if "tool_call_id" in held:
        content.result(held["tool_call_id"], held.get("content"))
    else:
        add_parts(content, held.get("content"))
    content.refuse(held.get("refusal"))
    add_calls(content, held.get("tool_calls") or _legacy_call(held))
    _add_extras(content, held)
    return content.turn(as_text(held.get("role")) or role, pointer)


def add_parts(content: Content, parts: Any) -> None:
    """Add the content of a message: a text, or parts."""
    content.text(parts)
    for part in as_list(parts) or [parts]:
        content.text(part) if isinstance(part, str) and part is not parts else _add_part(content, as_object(part))


def _add_part(content: Content, part: Body) -> None:
    kind = as_text(part.get("type"))
    if kind in MEDIA:
        inner_part = as_object(part.get(kind))
        data = inner_part.get(MEDIA[kind]) or (part.get(MEDIA[kind]) if not inner_part else "") or part.get(kind)
        where = as_text(data) if as_text(data).startswith("http") else ""
        name = inner_part.get("filename") or inner_part.get("file_id") or part.get("filename")
        content.medium(kind, "" if where else data, url=where, mime=inner_part.get("format"), name=name)
    elif kind == "thinking":
        content.think(part.get("thinking"))
    elif kind == "refusal":
        content.refuse(part.get("refusal"))
    elif isinstance(part.get("text"), str):
        content.text(part["text"])
    else:
        content.other(part)


def add_calls(content: Content, calls: Any) -> None:
    """Add `tool_calls`; Workers AI's have no `function` around them."""
    for call in map(as_object, as_list(calls)):
        function = as_object(call.get("function")) or as_object(call.get("custom")) or call
        told = function.get("arguments", function.get("input"))
        content.call(call.get("id"), function.get("name"), told, is_free="custom" in call)


def _legacy_call(message: Body) -> list[Any]:
    call = message.get("function_call")
    return [{"function": call}] if isinstance(call, dict) else []


def _add_extras(content: Content, message: Body) -> None:
    audio = as_object(message.get("audio"))
    if audio:
        content.text(audio.get("transcript"))
        content.medium("audio", audio.get("data"), name=audio.get("id"))
    for image in map(as_object, as_list(message.get("images"))):
        _add_part(content, {"type": "image_url", **image})
    for tool in map(as_object, as_list(message.get("executed_tools"))):
        id_ = f"executed {tool.get('index')}"
        content.call(id_, tool.get("name") or tool.get("type"), tool.get("arguments"))
        found = as_list(as_object(tool.get("search_results")).get("results"))
        content.result(id_, found or tool.get("output") or tool.get("code_results"))
    for note in map(as_object, as_list(message.get("annotations"))):
        _add_annotation(content, note)


def _add_annotation(content: Content, note: Body) -> None:
    file = as_object(note.get("file"))
    source = as_object(note.get("url_citation")) or note
    if file:
        content.result(file.get("name"), file.get("content"))
    else:
        content.cite(source.get("title") or source.get("filename"), source.get("url"), source.get("content"))


def is_reply(body: Body) -> bool:
    """Recognize a chat's reply."""
    return isinstance(body.get("choices"), list)


def reply(body: Body, gap: Gap) -> Conversation:
    """Read a chat's reply."""
    choices = [as_object(choice) for choice in as_list(body["choices"])]
    answers = [_choice(choice, gap, f"/choices/{number}") for number, choice in enumerate(choices)]
    sources = Content(gap)
    found = [as_object(result) for result in as_list(body.get("search_results"))]
    for url in as_list(body.get("citations")):
        title = next((result.get("title") for result in found if result.get("url") == url), "")
        sources.cite(title, url)
    if sources.citations:
        answers.append(sources.turn("sources", "/citations"))
    return Conversation(
        "OpenAI chat",
        as_text(body.get("model")),
        turns=tuple(answers),
        finish=", ".join(as_text(choice.get("finish_reason")) for choice in choices).strip(", "),
        why=", ".join(filter(None, map(_native_finish, choices))),
        notes=tuple(_models_used(body)),
    )


def _choice(choice: Body, gap: Gap, pointer: str) -> Turn:
    if "message" in choice:
        return turn(choice["message"], gap, f"{pointer}/message", "assistant")
    return Turn("assistant", as_text(choice.get("text")), f"{pointer}/text")


def _native_finish(choice: Body) -> str:
    """Return the finish reason of the model's own provider, if a dialect reports it."""
    native, stopped = choice.get("native_finish_reason"), choice.get("stop_reason")
    if native and native != choice.get("finish_reason"):
        return f"native {native}"
    return f"stop reason {stopped}" if stopped not in (None, choice.get("finish_reason")) else ""


def _models_used(body: Body) -> Iterator[str]:
    """Yield the models behind a compound model, each with its tokens."""
    for used in map(as_object, as_list(as_object(body.get("usage_breakdown")).get("models"))):
        yield f"{named(as_text(used.get('model')), 40)} {usage(used).told()}"


def usage(body: Body) -> Usage:
    """Read OpenAI's usage, Groq's beside it, and the counts that DeepSeek and xAI keep elsewhere.

    If the total shows it, reasoning is not part of the completion's tokens, as at xAI.
    """
    held = as_object(body.get("usage")) or as_object(as_object(body.get("x_groq")).get("usage"))
    asked = as_object(held.get("prompt_tokens_details")) or as_object(held.get("input_tokens_details"))
    answered = as_object(held.get("completion_tokens_details")) or as_object(held.get("output_tokens_details"))
    tokens_in, tokens_out = (
        first(held, "prompt_tokens", "input_tokens"),
        first(held, "completion_tokens", "output_tokens"),
    )
    reasoning = count(answered.get("reasoning_tokens")) or count(held.get("reasoning_tokens")) or 0
    total = (tokens_in or 0) + (tokens_out or 0) + reasoning
    if tokens_out is not None and reasoning and count(held.get("total_tokens")) == total:
        tokens_out += reasoning
    read, kept = first(asked, "cached_tokens"), first(held, "prompt_cache_hit_tokens", "cached_tokens")
    return Usage(
        tokens_in,
        tokens_out,
        cache_read=read or kept or 0,
        cache_write=count(asked.get("cache_write_tokens")) or 0,
        is_cache_stated=read is not None or kept is not None,
        reasoning=reasoning,
        stated_cost=_stated_cost(held),
    )


def _stated_cost(held: Body) -> float | None:
    """Return the price that a reply itself states (US dollars): OpenRouter's number, Perplexity's total."""
    cost = as_object(held.get("cost")).get("total_cost") if isinstance(held.get("cost"), dict) else held.get("cost")
    return cost if isinstance(cost, int | float) and not isinstance(cost, bool) else None


class ChatAssembly(Assembly):
    """A chat's reply from its chunks."""

    expects_done = True

    def __init__(self) -> None:
        super().__init__()
        self.held["choices"] = []

    def add(self, event: Body) -> None:
        """Take the next chunk."""
        for name, value in event.items():
            if name not in {"choices", "object"} and value is not None and (value or name not in self.held):
                self.held[name] = value
        for choice in map(as_object, as_list(event.get("choices"))):
            self._choice(choice)

    def _choice(self, choice: Body) -> None:
        held = at(self.held["choices"], choice.get("index", 0))
        message = inner(held, "message")
        message.setdefault("role", "assistant")
        merge(message, as_object(choice.get("delta")) or as_object(choice.get("message")), TEXTS)
        append(message, "content", choice.get("text"))
        for name in ("finish_reason", "native_finish_reason", "stop_reason"):
            if choice.get(name) is not None:
                held[name] = choice[name]
        self.finished = self.finished or bool(choice.get("finish_reason"))


def chat(name: str, messages: list[Body], given: Mapping[str, Any]) -> Body:
    """Write a chat."""
    return {"model": name, "messages": messages, **given}


FORMAT = Format(
    "OpenAI chat",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    is_event=lambda event: isinstance(event.get("choices"), list),
    assembly=ChatAssembly,
    usage=usage,
    flavors=("chat", "default"),
    members=MEMBERS,
    containers=("choices",),
    ends=(b"data: [DONE]",),
    chat=chat,
    streamed={"stream": True, "stream_options": {"include_usage": True}},
)

PROMPT = Format(
    "Prompt",
    is_request=lambda body: "model" in body and isinstance(body.get("prompt"), str | list),
    request=lambda body, _: Conversation(
        "Prompt",
        as_text(body.get("model")),
        parameters(body, PARAMETERS),
        turns=tuple(
            Turn("user", text, "/prompt" if text is body["prompt"] else f"/prompt/{number}")
            for number, text in enumerate(as_list(body["prompt"]) or [body["prompt"]])
            if isinstance(text, str)
        ),
    ),
)
"""A legacy completion request, whose reply has a chat's format."""
