"""Gemini, simulated: ai.google.dev/api/generate-content, …/models, …/tokens, and google.rpc.Status errors."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.formats.gemini import get
from cf_aig_gateway.json_text import read_json, write_json
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers.answers import EVENT_STREAM, Answer, json_answer
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, Tool, demanded
from cf_aig_gateway.local.providers.wire import Refused, as_whole_number, bearer, reply_id
from cf_aig_gateway.shapes import as_list, as_object, as_text

MODELS = re.compile(r"(?:.+/)?models(?:/(?P<model>[^/:]+))?")
FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "filtered": "SAFETY", "tool": "STOP"}
DEFAULT_WINDOW = 1_048_576


def read(call: Call) -> Question:
    """Return the question, after checking what Gemini requires."""
    content = call.content
    if not content:
        raise _invalid("Invalid JSON payload received. Expected an object")
    messages = [_message(turn) for turn in _turns(content)]
    if not any(message["content"] or message["parts"] for message in messages):
        raise _invalid("* GenerateContentRequest.contents: contents is not specified")
    config = as_object(get(content, "generationConfig"))
    system = _message(get(content, "systemInstruction"))["content"]
    bound = get(config, "maxOutputTokens")
    users = [message["content"] for message in messages if message["role"] == "user" and message["content"]]
    return Question(
        provider=call.provider,
        model=call.model,
        messages=messages,
        prompt="\n".join(filter(None, [system, *(message["content"] for message in messages)])),
        last_words=users[-1] if users else "",
        key=call.headers.get("x-goog-api-key") or bearer(call),
        max_tokens=as_whole_number(bound),
        stream="streamGenerateContent" in call.endpoint,
        stream_type=EVENT_STREAM if "alt=sse" in call.query else "application/json; charset=UTF-8",
        tool=_demanded(content, messages),
        offered=_offered(content, messages),
        schema=_schema(config),
        content=content,
    )


def _turns(content: Mapping[str, Any]) -> list[Any]:
    """Return `contents`, which may be a single turn."""
    held = content.get("contents")
    return as_list(held) or ([held] if held else [])


def _message(turn: Any) -> dict[str, Any]:
    """Return one turn of `contents` with its text joined, and its parts."""
    held = as_object(turn)
    parts = [{"text": part} if isinstance(part, str) else as_object(part) for part in _parts(turn)]
    text = "\n".join(filter(None, (as_text(part.get("text")) for part in parts)))
    return {"role": as_text(held.get("role")) or "user", "content": text, "parts": parts}


def _parts(turn: Any) -> list[Any]:
    if isinstance(turn, str):
        return [turn]
    parts = as_object(turn).get("parts", [])
    return as_list(parts) or [parts]


def _demanded(content: Mapping[str, Any], messages: list[dict[str, Any]]) -> Tool | None:
    """Return the function that must be called: mode ANY; none right after a function's response."""
    config = as_object(get(as_object(get(content, "toolConfig")), "functionCallingConfig"))
    if as_text(config.get("mode")).upper() != "ANY":
        return None
    offered = _offered(content, messages)
    allowed = as_list(get(config, "allowedFunctionNames"))
    return demanded(offered, as_text(next(iter(allowed), "")), required=not allowed)


def _offered(content: Mapping[str, Any], messages: list[dict[str, Any]]) -> list[Tool]:
    if any(get(as_object(part), "functionResponse") for part in as_list(messages[-1]["parts"])):
        return []
    declared = [
        as_object(function)
        for tool in as_list(content.get("tools"))
        for function in as_list(get(as_object(tool), "functionDeclarations"))
    ]
    return [Tool(as_text(function.get("name")), _parameters(function)) for function in declared]


def _parameters(function: Mapping[str, Any]) -> dict[str, Any]:
    return as_object(get(function, "parametersJsonSchema")) or json_schema(function.get("parameters")) or {}


def _schema(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the schema of a JSON reply."""
    wanted = as_object(get(config, "responseJsonSchema")) or json_schema(get(config, "responseSchema"))
    if wanted:
        return wanted
    is_json = get(config, "responseMimeType") == "application/json"
    return {"type": "object", "properties": {"reply": {"type": "string"}}, "required": ["reply"]} if is_json else None


def json_schema(schema: Any) -> dict[str, Any]:
    """Convert Google's form of a schema, which has uppercase types, to JSON Schema."""
    held = as_object(schema)
    plain = {name: value for name, value in held.items() if name not in {"properties", "items", "type", "anyOf"}}
    if kind := as_text(held.get("type")):
        plain["type"] = kind.lower()
    if "items" in held:
        plain["items"] = json_schema(held["items"])
    if "properties" in held:
        plain["properties"] = {name: json_schema(value) for name, value in as_object(held["properties"]).items()}
    if "anyOf" in held:
        plain["anyOf"] = [json_schema(part) for part in as_list(held["anyOf"])]
    return plain


def refusal(failure: str, question: Question) -> Answer:
    """Return Google's body for a failure."""
    model = question.model
    match failure:
        case "bad_key":
            details = _reason("API_KEY_INVALID")
            return _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", details)
        case "unknown_model":
            message = (
                f"models/{model} is not found for API version v1beta, or is not supported for generateContent. Call "
                "ListModels to see the list of available models and their supported methods."
            )
            return _error(404, "NOT_FOUND", message)
        case "context_too_long":
            window = pricing.context_window(question.provider, model) or DEFAULT_WINDOW
            sent = max(question.prompt_tokens, window + 1)
            message = f"The input token count ({sent}) exceeds the maximum number of tokens allowed ({window})."
            return _error(400, "INVALID_ARGUMENT", message)
        case "rate_limited":
            message = (
                "You exceeded your current quota, please check your plan and billing details. * Quota exceeded for "
                f"metric: generate_content_free_tier_requests, limit: 15, model: {model} Please retry in 20s."
            )
            return _error(429, "RESOURCE_EXHAUSTED", message, [{"@type": RETRY, "retryDelay": "20s"}])
        case "overloaded":
            return _error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
        case _:
            return _error(500, "INTERNAL", "An internal error has occurred. Please retry or report the problem.")


RETRY = "type.googleapis.com/google.rpc.RetryInfo"


def whole(question: Question, reply: Reply) -> dict[str, Any]:
    """Return a GenerateContentResponse. If filtered, its prompt is blocked and it has no candidates."""
    if reply.finish == "filtered":
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, **_tail(question, reply, blocked=True)}
    return _chunk(question, reply, [_part(question, reply)], FINISH[reply.finish])


def events(question: Question, reply: Reply) -> Iterable[bytes]:
    """Yield the chunks of a reply: as server-sent events with `alt=sse`, otherwise as the items of one array."""
    chunks = [write_json(chunk) for chunk in _chunks(question, reply)]
    if question.stream_type == EVENT_STREAM:
        return [b"data: %b\r\n\r\n" % chunk for chunk in chunks]
    return [(b",\r\n" if number else b"[") + chunk for number, chunk in enumerate(chunks)] + [b"]"]


def _chunks(question: Question, reply: Reply) -> Iterator[dict[str, Any]]:
    if reply.finish in {"filtered", "tool"}:
        yield whole(question, reply)
        return
    *pieces, last = reply.pieces()
    for piece in pieces:
        yield _chunk(question, reply, [{"text": piece}], "")
    yield _chunk(question, reply, [{"text": last}], FINISH[reply.finish])


def _chunk(question: Question, reply: Reply, parts: list[dict[str, Any]], finish: str) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    return {
        "candidates": [candidate | ({"finishReason": finish} if finish else {})],
        **_tail(question, reply, blocked=False),
    }


def _part(question: Question, reply: Reply) -> dict[str, Any]:
    if reply.finish == "tool" and question.tool:
        return {"functionCall": {"name": question.tool.name, "args": read_json(reply.text)}}
    return {"text": reply.text}


def _tail(question: Question, reply: Reply, *, blocked: bool) -> dict[str, Any]:
    tokens_out = {} if blocked else {"candidatesTokenCount": reply.tokens_out}
    usage = {
        "promptTokenCount": reply.tokens_in,
        **tokens_out,
        "totalTokenCount": reply.tokens_in + reply.tokens_out,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": reply.tokens_in}],
    }
    return {"usageMetadata": usage, "modelVersion": question.model, "responseId": reply_id("", question)}


def token_count(call: Call) -> Answer:
    """Count a prompt's tokens, as `:countTokens`; the request may stand inside `generateContentRequest`."""
    inner = as_object(get(call.content, "generateContentRequest")) or call.content
    texts = [_message(turn)["content"] for turn in _turns(inner)]
    total = Question(call.provider, call.model, [], "\n".join(texts), "").prompt_tokens
    details = [{"modality": "TEXT", "tokenCount": total}]
    return json_answer(200, {"totalTokens": total, "promptTokensDetails": details})


def models(call: Call) -> Answer:
    """List the models, or describe the one that the path names."""
    names = [name for name in pricing.model_names(call.provider) if name.startswith(("gemini", "gemma"))]
    found = MODELS.fullmatch(call.path)
    name = found["model"] if found else None
    if name is None:
        return json_answer(200, {"models": [_described(call, each) for each in names]})
    if not pricing.is_known(call.provider, name):
        return _error(404, "NOT_FOUND", f"models/{name} is not found for API version v1beta.")
    return json_answer(200, _described(call, name))


def _described(call: Call, name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": pricing.context_window(call.provider, name) or DEFAULT_WINDOW,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def _reason(reason: str) -> list[dict[str, Any]]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return [{"@type": kind, "reason": reason, "domain": "googleapis.com"}]


def _error(code: int, status: str, message: str, details: list[dict[str, Any]] | None = None) -> Answer:
    error = {"code": code, "message": message, "status": status}
    return json_answer(code, {"error": error | ({"details": details} if details else {})})


def _invalid(message: str) -> Refused:
    return Refused(_error(400, "INVALID_ARGUMENT", message))
