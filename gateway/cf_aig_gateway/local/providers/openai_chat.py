"""OpenAI's chat completions, simulated: platform.openai.com/docs/api-reference/chat."""

from collections.abc import Iterator, Mapping
from typing import Any

from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers import openai_errors
from cf_aig_gateway.local.providers.answers import Answer
from cf_aig_gateway.local.providers.openai_caching import tool_texts, usage_details
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, Tool, demanded, last_user_text, text_of
from cf_aig_gateway.local.providers.wire import CREATED, as_whole_number, bearer, reply_id
from cf_aig_gateway.shapes import as_list, as_object, as_text

FINISH = {"stop": "stop", "length": "length", "filtered": "content_filter", "tool": "tool_calls"}
JSON_REPLY = {"type": "object", "properties": {"reply": {"type": "string"}}, "required": ["reply"]}
"""The answer in JSON mode without a schema."""

MOST_CHOICES = 128

ROLES = {"developer", "system", "user", "assistant", "tool", "function"}


def read(call: Call) -> Question:
    """Return the question, after checking what OpenAI requires."""
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
        prompt="\n".join([*tool_texts(content), *(text_of(message.get("content")) for message in messages)]),
        last_words=last_user_text(messages),
        key=bearer(call),
        max_tokens=as_whole_number(bound),
        stream=content.get("stream") is True,
        tool=demanded_tool(content, messages),
        offered=offered_tools(content, messages),
        schema=json_schema(content),
        content=content,
    )


def demanded_tool(content: Mapping[str, Any], messages: list[dict[str, Any]]) -> Tool | None:
    """Return the tool that must be called; None after a tool's result.

    Workers AI also accepts bare functions as tools.
    """
    choice = content.get("tool_choice")
    if choice is None or choice in ("auto", "none") or messages[-1].get("role") == "tool":
        return None
    tools = offered_tools(content, messages)
    if not tools:
        raise openai_errors.wrong_value("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.")
    name = as_text(as_object(as_object(choice).get("function")).get("name"))
    tool = demanded(tools, name, required=choice == "required")
    if tool is None:
        raise openai_errors.wrong_value("tool_choice", f"Tool choice '{name}' not found in 'tools' parameter.")
    return tool


def offered_tools(content: Mapping[str, Any], messages: list[dict[str, Any]]) -> list[Tool]:
    """Return the tools that may be called: none after a tool's result."""
    given = as_list(content.get("tools")) if messages[-1].get("role") != "tool" else []
    return [_tool(as_object(tool)) for tool in given]


def _tool(tool: dict[str, Any]) -> Tool:
    function = as_object(tool.get("function")) or tool
    return Tool(as_text(function.get("name")), as_object(function.get("parameters")) or {"type": "object"})


def json_schema(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the schema of a JSON reply. Workers AI puts it where OpenAI has an object with a name and the schema."""
    wanted = as_object(content.get("response_format"))
    match wanted.get("type"):
        case "json_schema":
            named = as_object(wanted.get("json_schema"))
            return as_object(named.get("schema")) or named
        case "json_object":
            return JSON_REPLY
        case _:
            return None


def refusal(failure: str, question: Question) -> Answer:
    """Return OpenAI's body for a failure."""
    return openai_errors.refusal(failure, question)


def whole(question: Question, reply: Reply) -> dict[str, Any]:
    """Return a chat.completion object."""
    choice = {"message": _message(question, reply), "logprobs": None, "finish_reason": FINISH[reply.finish]}
    choices = [{"index": index, **choice} for index in _indices(question)]
    return {**_head(question, "chat.completion"), "choices": choices, "usage": usage(reply, len(choices))}


def events(question: Question, reply: Reply) -> Iterator[bytes]:
    """Yield chat.completion.chunk objects: the role, the words, the end, and the usage if requested."""
    head = _head(question, "chat.completion.chunk")
    indices = _indices(question)
    for delta in _deltas(question, reply):
        for index in indices:
            yield _event({**head, "choices": [_choice(index, delta, None)]})
    for index in indices:
        yield _event({**head, "choices": [_choice(index, {}, FINISH[reply.finish])]})
    if as_object(question.content.get("stream_options")).get("include_usage") is True:
        yield _event({**head, "choices": [], "usage": usage(reply, len(indices))})
    yield b"data: [DONE]\n\n"


def _indices(question: Question) -> range:
    """Return the indexes of the choices: `n`, up to OpenAI's maximum."""
    return range(min(as_whole_number(question.content.get("n")) or 1, MOST_CHOICES))


def usage(reply: Reply, choices: int = 1) -> dict[str, Any]:
    """Return a usage block."""
    tokens_out = choices * reply.tokens_out
    return {
        "prompt_tokens": reply.tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": reply.tokens_in + tokens_out,
        "prompt_tokens_details": usage_details(reply),
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _deltas(question: Question, reply: Reply) -> Iterator[dict[str, Any]]:
    if reply.finish == "tool":
        call = {"index": 0, **tool_call(question, "")}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
        for piece in reply.pieces():
            yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        return
    yield {"role": "assistant", "content": "", "refusal": None}
    for piece in reply.pieces():
        yield {"content": piece}


def _message(question: Question, reply: Reply) -> dict[str, Any]:
    if reply.finish == "tool":
        calls = [tool_call(question, reply.text)]
        return {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}
    return {"role": "assistant", "content": reply.text, "refusal": None}


def tool_call(question: Question, arguments: str) -> dict[str, Any]:
    """Return a call of the tool that a question requires."""
    name = question.tool.name if question.tool else ""
    return {"id": reply_id("call_", question), "type": "function", "function": {"name": name, "arguments": arguments}}


def _head(question: Question, kind: str) -> dict[str, Any]:
    return {
        "id": reply_id("chatcmpl-", question),
        "object": kind,
        "created": CREATED,
        "model": question.model,
        "system_fingerprint": None,
    }


def _choice(index: int, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + write_json(content) + b"\n\n"
