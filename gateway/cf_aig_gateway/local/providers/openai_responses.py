"""OpenAI's Responses API, simulated: platform.openai.com/docs/api-reference/responses and responses-streaming."""

from collections.abc import Iterator, Mapping
from typing import Any

from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers import openai_errors
from cf_aig_gateway.local.providers.answers import Answer
from cf_aig_gateway.local.providers.openai_caching import item_text, tool_texts, usage_details
from cf_aig_gateway.local.providers.openai_chat import JSON_REPLY
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, Tool, demanded, last_user_text
from cf_aig_gateway.local.providers.wire import CREATED, as_whole_number, bearer, reply_id
from cf_aig_gateway.shapes import as_list, as_object, as_text

INCOMPLETE = {"length": "max_output_tokens", "filtered": "content_filter"}


def read(call: Call) -> Question:
    """Return the question: items, or one text."""
    content = call.content
    openai_errors.require({**content, "model": call.model} if content else content, "model", "input")
    items = [as_object(item) for item in as_list(content["input"])] or [{"role": "user", "content": content["input"]}]
    prompt = [*tool_texts(content), as_text(content.get("instructions")), *map(item_text, items)]
    return Question(
        provider=call.provider,
        model=call.model,
        messages=items,
        prompt="\n".join(filter(None, prompt)),
        last_words=last_user_text(items),
        key=bearer(call),
        max_tokens=as_whole_number(content.get("max_output_tokens")),
        stream=content.get("stream") is True,
        tool=_demanded(content, items),
        offered=_offered(content, items),
        schema=_schema(content),
        content=content,
    )


def _demanded(content: Mapping[str, Any], items: list[dict[str, Any]]) -> Tool | None:
    """Return the tool that must be called; None after a tool's output."""
    choice = content.get("tool_choice")
    if choice in (None, "auto", "none") or items[-1].get("type") == "function_call_output":
        return None
    tool = demanded(_offered(content, items), as_text(as_object(choice).get("name")), required=choice == "required")
    if tool is None:
        raise openai_errors.wrong_value("tool_choice", "Tool choice not found in 'tools' parameter.")
    return tool


def _offered(content: Mapping[str, Any], items: list[dict[str, Any]]) -> list[Tool]:
    """Return the tools that may be called, including those of a namespace: none after a tool's output."""
    if items[-1].get("type") == "function_call_output":
        return []
    return [tool for given in as_list(content.get("tools")) for tool in _functions(as_object(given), "")]


def _functions(tool: dict[str, Any], namespace: str) -> Iterator[Tool]:
    if tool.get("type") == "namespace":
        for inner in as_list(tool.get("tools")):
            yield from _functions(as_object(inner), as_text(tool.get("name")))
    elif tool.get("type") == "function":
        yield Tool(as_text(tool.get("name")), as_object(tool.get("parameters")) or {"type": "object"}, namespace)


def _schema(content: Mapping[str, Any]) -> dict[str, Any] | None:
    wanted = as_object(as_object(content.get("text")).get("format"))
    match wanted.get("type"):
        case "json_schema":
            return as_object(wanted.get("schema"))
        case "json_object":
            return JSON_REPLY
        case _:
            return None


def refusal(failure: str, question: Question) -> Answer:
    """Return OpenAI's body for a failure."""
    return openai_errors.refusal(failure, question)


def whole(question: Question, reply: Reply) -> dict[str, Any]:
    """Return a response object."""
    reason = INCOMPLETE.get(reply.finish)
    return {
        **_head(question, "incomplete" if reason else "completed"),
        "incomplete_details": {"reason": reason} if reason else None,
        "output": [_item(question, reply, "completed")],
        **({"prompt_cache_diagnostics": reply.diagnosis} if reply.diagnosis else {}),
        "usage": {
            "input_tokens": reply.tokens_in,
            "input_tokens_details": {"cache_write_tokens": 0, **usage_details(reply)},
            "output_tokens": reply.tokens_out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": reply.tokens_in + reply.tokens_out,
        },
    }


def events(question: Question, reply: Reply) -> Iterator[bytes]:
    """Yield the numbered events of a response: its start, one item, its end."""
    for number, event in enumerate(_events(question, reply)):
        content = write_json({**event, "sequence_number": number})
        yield b"event: %b\ndata: %b\n\n" % (event["type"].encode(), content)


def _events(question: Question, reply: Reply) -> Iterator[dict[str, Any]]:
    begun = _head(question, "in_progress")
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    started = {**_item(question, reply, "in_progress"), **_EMPTY[reply.finish == "tool"]}
    yield {"type": "response.output_item.added", "output_index": 0, "item": started}
    yield from (_arguments if reply.finish == "tool" else _text)(question, reply)
    yield {"type": "response.output_item.done", "output_index": 0, "item": _item(question, reply, "completed")}
    done = whole(question, reply)
    yield {"type": f"response.{done['status']}", "response": done}


_EMPTY: dict[bool, dict[str, Any]] = {True: {"arguments": ""}, False: {"content": []}}


def _text(question: Question, reply: Reply) -> Iterator[dict[str, Any]]:
    at = {"item_id": reply_id("msg_", question), "output_index": 0, "content_index": 0}
    yield {"type": "response.content_part.added", **at, "part": _part("")}
    for piece in reply.pieces():
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": reply.text, "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": _part(reply.text)}


def _arguments(question: Question, reply: Reply) -> Iterator[dict[str, Any]]:
    at = {"item_id": reply_id("fc_", question), "output_index": 0}
    for piece in reply.pieces():
        yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
    name = question.tool.name if question.tool else ""
    yield {"type": "response.function_call_arguments.done", **at, "name": name, "arguments": reply.text}


def _head(question: Question, status: str) -> dict[str, Any]:
    content = question.content
    return {
        "id": reply_id("resp_", question),
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": content.get("instructions"),
        "max_output_tokens": content.get("max_output_tokens"),
        "metadata": content.get("metadata") or {},
        "model": question.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": content.get("previous_response_id"),
        **_caching(content),
        "temperature": content.get("temperature", 1.0),
        "text": content.get("text") or {"format": {"type": "text"}},
        "tool_choice": content.get("tool_choice") or "auto",
        "tools": content.get("tools") or [],
        "top_p": content.get("top_p", 1.0),
        "usage": None,
    }


def _caching(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request's cache options, as replies repeat them."""
    asked: dict[str, Any] = {name: content[name] for name in ("prompt_cache_key", "service_tier") if name in content}
    if options := as_object(content.get("prompt_cache_options")):
        asked["prompt_cache_options"] = {"mode": "implicit", "ttl": "30m", **options}
    return asked


def _item(question: Question, reply: Reply, status: str) -> dict[str, Any]:
    if reply.finish == "tool" and question.tool:
        ids = {"id": reply_id("fc_", question), "call_id": reply_id("call_", question)}
        space = {"namespace": question.tool.namespace} if question.tool.namespace else {}
        called = {**space, "name": question.tool.name, "arguments": reply.text}
        return {"type": "function_call", "status": status, **ids, **called}
    said = {"role": "assistant", "content": [_part(reply.text)]}
    return {"type": "message", "id": reply_id("msg_", question), "status": status, **said}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
