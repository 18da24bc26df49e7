"""Bedrock's Converse, simulated: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html."""

from collections.abc import Iterator, Mapping
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.frames import CONTENT_TYPE, frame
from cf_aig_gateway.json_text import read_json, write_json
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers.answers import Answer, json_answer
from cf_aig_gateway.local.providers.bedrock_caching import tool_texts, usage
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, Tool, demanded, last_user_text, text_of
from cf_aig_gateway.local.providers.wire import Refused, as_whole_number, reply_id
from cf_aig_gateway.shapes import as_list, as_object, as_text

STOP = {"stop": "end_turn", "length": "max_tokens", "filtered": "content_filtered", "tool": "tool_use"}
DEFAULT_WINDOW = 200_000
LATENCY_MS = 10


def read(call: Call) -> Question:
    """Return the question, after checking what Bedrock requires."""
    content = call.content
    messages = [as_object(message) for message in as_list(content.get("messages"))]
    if not messages:
        raise Refused(error(400, "ValidationException", "A conversation must start with a user message."))
    for number, message in enumerate(messages):
        if message.get("role") not in ("user", "assistant"):
            why = f"1 validation error detected: Value at 'messages.{number}.role' must be one of [user, assistant]"
            raise Refused(error(400, "ValidationException", why))
    bound = as_object(content.get("inferenceConfig")).get("maxTokens")
    prompt = [text_of(content.get("system")), *(text_of(message.get("content")) for message in messages)]
    return Question(
        provider=call.provider,
        model=call.model,
        messages=messages,
        prompt="\n".join([*tool_texts(content), *prompt]),
        last_words=last_user_text(messages),
        key=call.headers.get("authorization", ""),
        max_tokens=as_whole_number(bound),
        stream=call.endpoint.endswith("-stream"),
        stream_type=CONTENT_TYPE,
        tool=_demanded(content, messages),
        offered=_offered(content, messages),
        schema=_schema(content),
        content=content,
    )


def _demanded(content: Mapping[str, Any], messages: list[dict[str, Any]]) -> Tool | None:
    """Return the tool that must be called; none right after a tool's result."""
    choice = as_object(as_object(content.get("toolConfig")).get("toolChoice"))
    named = as_text(as_object(choice.get("tool")).get("name"))
    return demanded(_offered(content, messages), named, required="any" in choice) if choice else None


def _offered(content: Mapping[str, Any], messages: list[dict[str, Any]]) -> list[Tool]:
    if any("toolResult" in as_object(part) for part in as_list(messages[-1].get("content"))):
        return []
    specs = [as_object(tool).get("toolSpec") for tool in as_list(as_object(content.get("toolConfig")).get("tools"))]
    return [_tool(as_object(spec)) for spec in specs if spec]


def _tool(spec: dict[str, Any]) -> Tool:
    return Tool(as_text(spec.get("name")), as_object(as_object(spec.get("inputSchema")).get("json")))


def _schema(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the schema of a JSON reply: `outputConfig.textFormat`, whose schema is JSON text."""
    wanted = as_object(as_object(content.get("outputConfig")).get("textFormat"))
    schema = as_object(as_object(wanted.get("structure")).get("jsonSchema")).get("schema")
    if not schema:
        return None
    return as_object(read_json(schema)) if isinstance(schema, str) else as_object(schema)


def refusal(failure: str, question: Question) -> Answer:
    """Return AWS's body for a failure; its type is in a header."""
    match failure:
        case "bad_key":
            return error(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        case "unknown_model":
            return error(400, "ValidationException", "The provided model identifier is invalid.")
        case "context_too_long":
            window = pricing.context_window(question.provider, question.model) or DEFAULT_WINDOW
            sent = max(question.prompt_tokens, window + 1)
            message = f"The model returned the following errors: prompt is too long: {sent} tokens > {window} maximum"
            return error(400, "ValidationException", message)
        case "rate_limited":
            return error(429, "ThrottlingException", "Too many requests, please wait before trying again.")
        case "overloaded":
            message = "Bedrock is unable to process your request. The service is at capacity."
            return error(503, "ServiceUnavailableException", message)
        case _:
            message = "The system encountered an unexpected error during processing. Try your request again."
            return error(500, "InternalServerException", message)


def whole(question: Question, reply: Reply) -> dict[str, Any]:
    """Return a reply."""
    return {
        "output": {"message": {"role": "assistant", "content": [_block(question, reply)]}},
        "stopReason": STOP[reply.finish],
        "usage": usage(reply),
        "metrics": {"latencyMs": LATENCY_MS},
    }


def events(question: Question, reply: Reply) -> Iterator[bytes]:
    """Yield the frames of a reply."""
    yield _frame("messageStart", {"role": "assistant"})
    is_call = reply.finish == "tool" and question.tool is not None
    if is_call:
        called = as_object(_block(question, reply)["toolUse"])
        start = {name: called[name] for name in ("toolUseId", "name")}
        yield _frame("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": start}})
    for piece in reply.pieces():
        delta: dict[str, Any] = {"toolUse": {"input": piece}} if is_call else {"text": piece}
        yield _frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta})
    yield _frame("contentBlockStop", {"contentBlockIndex": 0})
    yield _frame("messageStop", {"stopReason": STOP[reply.finish]})
    yield _frame("metadata", {"usage": usage(reply), "metrics": {"latencyMs": LATENCY_MS}})


def _block(question: Question, reply: Reply) -> dict[str, Any]:
    if reply.finish == "tool" and question.tool:
        called = {"toolUseId": reply_id("tooluse_", question), "name": question.tool.name}
        return {"toolUse": {**called, "input": read_json(reply.text)}}
    return {"text": reply.text}


def _frame(kind: str, payload: dict[str, Any]) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, write_json(payload))


def error(status: int, kind: str, message: str) -> Answer:
    """Return an error in AWS's form."""
    return json_answer(status, {"message": message}, {"x-amzn-errortype": kind})
