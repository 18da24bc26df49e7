"""Google's Gemini, on AI Studio and on Vertex: ai.google.dev/api/generate-content. Keys have both spellings."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cf_aig_gateway.formats.content import Content, Gap, parameters
from cf_aig_gateway.formats.conversation import Conversation, Turn
from cf_aig_gateway.formats.errors import Said
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.formats.growth import append, at, inner, items, merge
from cf_aig_gateway.formats.usage import Usage, count, total
from cf_aig_gateway.shapes import as_list, as_object, as_text

PARAMETERS = (
    "temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "candidateCount", "seed", "responseMimeType",
    "responseModalities", "presencePenalty", "frequencyPenalty", "mediaResolution",
)  # fmt: skip

THINKING = ("thinkingBudget", "thinkingLevel", "includeThoughts")
MEMBERS = (
    "modelVersion", "usageMetadata", "responseId", "createTime", "promptFeedback", "finishReason", "finishMessage",
    "content", "groundingMetadata", "citationMetadata", "urlContextMetadata", "mode", "responseSchema",
    "responseJsonSchema",
)  # fmt: skip
MODEL_IN_PATH = re.compile(r"(?:^|/)models/(?P<model>[^/:]+(?:/[^/:]+)*):\w+$")


def get(held: Mapping[str, Any], name: str) -> Any:
    """Return a member by its name in either spelling: `inlineData`, `inline_data`."""
    return (
        held[name] if name in held else held.get(re.sub(r"(?<!^)([A-Z])", lambda found: f"_{found[1].lower()}", name))
    )


def is_request(body: Body) -> bool:
    """Recognize a request."""
    return isinstance(body.get("contents"), list | dict | str)


def request(body: Body, gap: Gap) -> Conversation:
    """Read a request. Its model is in its path."""
    contents = as_list(body["contents"]) if isinstance(body["contents"], list) else [body["contents"]]
    turns = [_turn(content, gap, f"/contents/{number}", "user") for number, content in enumerate(contents)]
    if instruction := get(body, "systemInstruction"):
        turns.insert(0, _turn(instruction, gap, "/systemInstruction", "system", always=True))
    return Conversation(
        "Gemini", as_text(body.get("model")), _parameters(body), tuple(_tools(as_list(body.get("tools")))), tuple(turns)
    )


def _parameters(body: Body) -> dict[str, str]:
    given = as_object(get(body, "generationConfig"))
    thinking = as_object(get(given, "thinkingConfig"))
    calling = as_object(get(as_object(get(body, "toolConfig")), "functionCallingConfig"))
    held = {name: get(given, name) for name in PARAMETERS} | {name: get(thinking, name) for name in THINKING}
    held |= {"functionCallingConfig": calling.get("mode"), "cachedContent": get(body, "cachedContent")}
    return parameters(held, held)


def _tools(tools: list[Any]) -> Iterator[str]:
    for tool in map(as_object, tools):
        declared = as_list(get(tool, "functionDeclarations"))
        yield from (as_text(as_object(function).get("name")) for function in declared)
        yield from (name for name in tool if name not in {"functionDeclarations", "function_declarations"})


def _turn(content: Any, gap: Gap, pointer: str, role: str, *, always: bool = False) -> Turn:
    held = as_object(content)
    read = Content(gap)
    read.text(content)
    parts = held.get("parts", as_list(content))
    for part in as_list(parts) or [parts]:
        _add_part(read, {"text": part} if isinstance(part, str) else as_object(part))
    return read.turn(role if always else as_text(held.get("role")) or role, pointer)


def _add_part(content: Content, part: Body) -> None:
    called, answered = get(part, "functionCall") or get(part, "toolCall"), get(part, "functionResponse")
    answered = answered or get(part, "toolResponse")
    data, file = as_object(get(part, "inlineData")), as_object(get(part, "fileData"))
    code, ran = as_object(get(part, "executableCode")), as_object(get(part, "codeExecutionResult"))
    if called:
        _add_call(content, as_object(called))
    elif answered:
        held = as_object(answered)
        content.result(held.get("id") or held.get("name"), _response(held.get("response")))
    elif code:
        language = as_text(code.get("language")).lower()
        content.call(f"code {len(content.calls)}", f"code ({language})", code.get("code"), is_free=True)
    elif ran:
        outcome = as_text(ran.get("outcome"))
        content.result(f"code {len(content.calls) - 1}", ran.get("output"), failed=not outcome.endswith("_OK"))
    elif data or file:
        mime, name = get(data or file, "mimeType"), get(data or file, "displayName")
        content.medium("file", data.get("data"), url=get(file, "fileUri"), mime=mime, name=name)
    elif part.get("thought") is True:
        content.think(part.get("text"))
    elif isinstance(part.get("text"), str):
        content.text(part["text"])
    elif part.keys() - {"thoughtSignature", "thought_signature"}:
        content.other(part)


def _add_call(content: Content, call: Body) -> None:
    name = call.get("name") or get(call, "toolType")
    content.call(call.get("id") or name, name, call.get("args"))


def _response(value: Any) -> Any:
    """Return a function's result, without the object that Gemini requires around it."""
    held = as_object(value)
    alone: Any = next(iter(held.values())) if len(held) == 1 else None
    return alone if isinstance(alone, str) else as_list(alone) or value


def is_reply(body: Body) -> bool:
    """Recognize a reply. It has no candidates if its prompt was blocked."""
    return isinstance(body.get("candidates"), list) or "promptFeedback" in body


def reply(body: Body, gap: Gap) -> Conversation:
    """Read a reply."""
    found = [as_object(candidate) for candidate in as_list(body.get("candidates"))]
    feedback = as_object(body.get("promptFeedback"))
    finish = [as_text(candidate.get("finishReason")) for candidate in found] + [as_text(feedback.get("blockReason"))]
    why = [as_text(candidate.get("finishMessage")) for candidate in found]
    return Conversation(
        "Gemini",
        as_text(body.get("modelVersion")),
        turns=tuple(_candidate(candidate, gap, f"/candidates/{number}") for number, candidate in enumerate(found)),
        finish=", ".join(filter(None, finish)),
        why=", ".join(filter(None, [*why, as_text(feedback.get("blockReasonMessage"))])),
        notes=tuple(_tools_share(as_object(body.get("usageMetadata")))),
    )


def _candidate(candidate: Body, gap: Gap, pointer: str) -> Turn:
    content = _turn(candidate.get("content"), gap, f"{pointer}/content", "model")
    sources = Content(gap, results=list(content.results), calls=list(content.calls))
    grounding = as_object(candidate.get("groundingMetadata"))
    if queries := as_list(grounding.get("webSearchQueries")):
        sources.call("", "web_search", {"queries": queries})
    for chunk in map(as_object, as_list(grounding.get("groundingChunks"))):
        source = as_object(chunk.get("web") or chunk.get("maps") or chunk.get("retrievedContext"))
        sources.cite(source.get("title"), source.get("uri"), source.get("text"))
    for cited in map(as_object, as_list(as_object(candidate.get("citationMetadata")).get("citations"))):
        sources.cite(cited.get("title"), cited.get("uri"))
    for read in map(as_object, as_list(as_object(candidate.get("urlContextMetadata")).get("urlMetadata"))):
        sources.cite(
            as_text(read.get("urlRetrievalStatus")).removeprefix("URL_RETRIEVAL_STATUS_"), read.get("retrievedUrl")
        )
    told = sources.turn(content.role, content.pointer)
    return Turn(
        content.role,
        content.text,
        content.pointer,
        content.reasoning,
        told.calls,
        told.results,
        content.media,
        told.citations,
    )


def _tools_share(held: Body) -> Iterator[str]:
    asked, tools = count(held.get("promptTokenCount")), count(held.get("toolUsePromptTokenCount"))
    if tools:
        yield f"tokens in: {asked or 0:,} from the prompt, {tools:,} from its tools"


def usage(body: Body) -> Usage:
    """Read `usageMetadata`, which counts thoughts and tool prompts separately."""
    held = as_object(body.get("usageMetadata"))
    thoughts = count(held.get("thoughtsTokenCount"))
    tokens_in = total(count(held.get("promptTokenCount")), count(held.get("toolUsePromptTokenCount")))
    tokens_out = total(count(held.get("candidatesTokenCount")), thoughts)
    if tokens_out is None and tokens_in is not None:
        tokens_out = 0
    return Usage(
        tokens_in, tokens_out, cache_read=count(held.get("cachedContentTokenCount")) or 0, reasoning=thoughts or 0
    )


class GeminiAssembly(Assembly):
    """A reply from its chunks, each of which is itself a reply."""

    def add(self, event: Body) -> None:
        """Take the next chunk."""
        for name, value in event.items():
            if name == "candidates":
                for candidate in map(as_object, as_list(value)):
                    self._candidate(candidate)
            elif value is not None:
                self.held[name] = value
        self.finished = self.finished or "blockReason" in as_object(event.get("promptFeedback"))

    def _candidate(self, candidate: Body) -> None:
        held = at(items(self.held, "candidates"), candidate.get("index", 0))
        content = inner(held, "content")
        content.setdefault("role", "model")
        parts = items(content, "parts")
        for part in as_list(as_object(candidate.get("content")).get("parts")):
            _grow(parts, as_object(part))
        merge(held, {name: value for name, value in candidate.items() if name not in {"content", "index"}}, set())
        self.finished = self.finished or bool(candidate.get("finishReason"))


def _grow(parts: list[Any], part: Body) -> None:
    last = as_object(parts[-1]) if parts else {}
    if "text" in last and "text" in part and last.get("thought") == part.get("thought"):
        append(last, "text", part["text"])
    else:
        parts.append(dict(part))


def chat(_: str, messages: list[Body], given: Mapping[str, Any]) -> Body:
    """Write a chat. Parameters with another name at OpenAI are renamed; the rest pass unchanged."""
    system = [as_text(message.get("content")) for message in messages if message.get("role") == "system"]
    config = {RENAMED[name]: value for name, value in given.items() if name in RENAMED}
    own = {name: value for name, value in given.items() if name not in RENAMED}
    config |= as_object(own.pop("generationConfig", None))
    return {
        "contents": [
            {
                "role": "model" if message.get("role") == "assistant" else "user",
                "parts": [{"text": as_text(message.get("content"))}],
            }
            for message in messages
            if message.get("role") != "system"
        ],
        **({"systemInstruction": {"parts": [{"text": "\n\n".join(system)}]}} if system else {}),
        **({"generationConfig": config} if config else {}),
        **own,
    }


RENAMED = {
    "max_tokens": "maxOutputTokens", "temperature": "temperature", "top_p": "topP", "stop": "stopSequences",
    "seed": "seed",
}  # fmt: skip
"""OpenAI's parameters by Gemini's names."""


def said(body: Body) -> Said | None:
    """Read a reply that is empty because its prompt was blocked as an error."""
    feedback = as_object(body.get("promptFeedback"))
    reason = as_text(feedback.get("blockReason"))
    if not reason or body.get("candidates"):
        return None
    return Said(as_text(feedback.get("blockReasonMessage")) or f"The prompt was blocked: {reason}", ("blockReason",))


FORMAT = Format(
    "Gemini",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    is_event=is_reply,
    assembly=GeminiAssembly,
    members=MEMBERS,
    containers=("generationConfig", "thinkingConfig", "toolConfig", "functionCallingConfig", "candidates"),
    usage=usage,
    flavors=("default",),
    model_in_path=MODEL_IN_PATH,
    array_path=re.compile(r":streamGenerateContent$"),
    array=re.compile(rb'\s*\[\s*\{\s*"(?:candidates|promptFeedback|usageMetadata)"'),
    chat=chat,
)
