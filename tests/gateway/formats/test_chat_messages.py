"""Requests of any format as a chat in OpenAI's, which evaluation tools and other models take."""

from typing import Any

import pytest

from cf_aig_gateway.formats import read
from cf_aig_gateway.formats.chat_messages import answered, asked, finish, media

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
LOOK = {"type": "function", "function": {"name": "look", "description": "d", "parameters": SCHEMA}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}
]}  # fmt: skip
FOUND = {"role": "tool", "tool_call_id": "c1", "content": "lost"}
EXPECTED = [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Where?"}, CALLED, FOUND]

ANTHROPIC: dict[str, Any] = {
    "model": "claude-sonnet-4-5", "system": "Be brief", "max_tokens": 9, "temperature": 0, "stop_sequences": ["x"],
    "tools": [{"name": "look", "description": "d", "input_schema": SCHEMA}], "tool_choice": {"type": "any"},
    "messages": [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "lost"}]},
    ],
}  # fmt: skip
RESPONSES: dict[str, Any] = {
    "model": "gpt-5", "instructions": "Be brief", "max_output_tokens": 9, "temperature": 0,
    "tools": [{"type": "function", "name": "look", "description": "d", "parameters": SCHEMA}],
    "tool_choice": "required",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Where?"}]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "lost"},
    ],
}  # fmt: skip
BEDROCK: dict[str, Any] = {
    "system": [{"text": "Be brief"}], "inferenceConfig": {"maxTokens": 9, "temperature": 0, "stopSequences": ["x"]},
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "look", "description": "d", "inputSchema": {"json": SCHEMA}}}],
        "toolChoice": {"any": {}},
    },
    "messages": [
        {"role": "user", "content": [{"text": "Where?"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "look", "input": {"a": 1}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "lost"}]}}]},
    ],
}  # fmt: skip
GEMINI: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Be brief"}]},
    "generationConfig": {"maxOutputTokens": 9, "temperature": 0, "stopSequences": ["x"]},
    "tools": [{"functionDeclarations": [
        {"name": "look", "description": "d", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}}}
    ]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    "contents": [
        {"role": "user", "parts": [{"text": "Where?"}]},
        {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "look", "args": {"a": 1}}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "look", "response": {"r": "lost"}}}]},
    ],
}  # fmt: skip
OPENAI: dict[str, Any] = {
    "model": "gpt-4o", "messages": EXPECTED, "tools": [LOOK], "tool_choice": "required", "max_completion_tokens": 9,
    "temperature": 0, "stop": ["x"], "stream": True, "stream_options": {"include_usage": True},
}  # fmt: skip


@pytest.mark.parametrize("body", [OPENAI, ANTHROPIC, RESPONSES, BEDROCK, GEMINI])
def test_each_form_is_the_same_chat(body: dict[str, Any]) -> None:
    chat = asked(body)

    assert chat
    assert chat.messages == EXPECTED
    assert chat.tools == [LOOK]
    stop = {} if body is RESPONSES else {"stop": ["x"]}
    assert chat.parameters == {"max_tokens": 9, "temperature": 0, "tool_choice": "required", **stop}
    assert (chat.missing, chat.left_out) == ((), ())


def test_calls_in_several_items_become_one_message() -> None:
    calls = [{"type": "function_call", "call_id": id_, "name": "look", "arguments": "{}"} for id_ in ("1", "2")]
    results = [{"type": "function_call_output", "call_id": id_, "output": "x"} for id_ in ("1", "2")]

    chat = asked({"model": "gpt-5", "input": [{"role": "user", "content": "q"}, *calls, *results]})

    assert chat
    assert [message["role"] for message in chat.messages] == ["user", "assistant", "tool", "tool"]
    assert [call["id"] for call in chat.messages[1]["tool_calls"]] == ["1", "2"]


PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"}}


@pytest.mark.parametrize(
    ("body", "missing", "left_out"),
    [
        (ANTHROPIC | {"messages": [{"role": "user", "content": [PNG]}]}, ("[image/png 3 B]",), ()),
        (ANTHROPIC | {"thinking": {"type": "enabled", "budget_tokens": 9}}, (), ("thinking",)),
        (ANTHROPIC | {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, (), ("tool web_search",)),
        (RESPONSES | {"previous_response_id": "r"}, ("previous_response_id",), ()),
        (OPENAI | {"service_tier": "flex"}, (), ("service_tier",)),
        (GEMINI | {"cachedContent": "c"}, ("cachedContent",), ()),
    ],
)
def test_what_is_not_carried_over_is_named(
    body: dict[str, Any], missing: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    chat = asked(body)

    assert chat
    assert (chat.missing, chat.left_out) == (missing, left_out)


SHAPE = {"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA}}


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (ANTHROPIC | {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, SHAPE),
        (RESPONSES | {"text": {"format": {"type": "json_schema", "name": "reply", "schema": SCHEMA}}}, SHAPE),
        (RESPONSES | {"text": {"format": {"type": "text"}}}, None),
        (OPENAI | {"response_format": SHAPE}, SHAPE),
        (GEMINI | {"generationConfig": {"responseMimeType": "application/json"}}, {"type": "json_object"}),
        (GEMINI | {"generationConfig": {"responseMimeType": "application/json", "responseSchema": SCHEMA}}, SHAPE),
    ],
)
def test_the_shape_of_the_reply_is_carried_over(body: dict[str, Any], shape: Any) -> None:
    chat = asked(body)

    assert chat
    assert chat.parameters.get("response_format") == shape
    assert chat.left_out == ()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "tool", "name": "look"}, {"type": "function", "function": {"name": "look"}}),
        ({"type": "function", "function": {"name": "look"}}, {"type": "function", "function": {"name": "look"}}),
        ({"type": "auto"}, "auto"),
        ("NONE", "none"),
    ],
)
def test_a_required_tool_is_named_in_openais_form(choice: Any, expected: Any) -> None:
    chat = asked(ANTHROPIC | {"tool_choice": choice})

    assert chat
    assert chat.parameters["tool_choice"] == expected


@pytest.mark.parametrize("body", [{"model": "text-embedding-3-small", "input": "x"}, {"a": 1}, {}])
def test_a_request_that_is_not_a_chat_returns_none(body: dict[str, Any]) -> None:
    assert asked(body) is None


def test_pictures_in_openais_messages_are_counted() -> None:
    parts = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]

    assert media([{"role": "user", "content": parts}, {"role": "user", "content": "x"}]) == 1


@pytest.mark.parametrize(
    ("body", "message", "ending"),
    [
        ({"choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}, {"message": {"content": "Ho"}}]}, {"content": "Hi"}, "stop"),
        ({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}, {"content": "Hi"}, "stop"),
        ({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "max_tokens"}, {"content": "Hi"}, "length"),
        ({"candidates": [{"content": {"parts": [{"text": "Hm", "thought": True}, {"text": "Hi"}]}, "finishReason": "SAFETY"}]}, {"content": "Hi", "reasoning_content": "Hm"}, "content_filter"),
        ({"type": "message", "role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}}], "stop_reason": "tool_use"}, CALLED, "tool_calls"),
    ],
)  # fmt: skip
def test_a_reply_is_one_message_with_its_end_in_openais_words(body: Any, message: Any, ending: str) -> None:
    reply = read(body)

    assert reply
    assert answered(reply) == {"role": "assistant", **message}
    assert finish(reply) == ending


def test_an_empty_reply_is_not_a_message() -> None:
    reply = read({"choices": [{"message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}]})

    assert reply
    assert answered(reply) is None
