"""Bodies that look like two formats, or have a format's keys with values of other types: reading them never crashes."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf_aig_gateway import formats, pricing
from cf_aig_gateway.formats import FORMATS
from cf_aig_gateway.frames import Frames, frame, is_frames

KEYS = (
    "messages", "model", "content", "role", "type", "text", "input", "output", "contents", "parts", "candidates", "choices",
    "message", "delta", "index", "tool_calls", "function", "arguments", "name", "id", "usage", "usageMetadata", "promptTokenCount",
    "input_tokens", "output_tokens", "toolUse", "toolResult", "toolConfig", "reasoning", "reasoning_details", "summary", "system",
    "instructions", "error", "errors", "code", "detail", "result", "results", "success", "response", "data", "embedding",
    "embeddings", "predictions", "steps", "finish_reason", "stop_reason", "stopReason", "annotations", "citations", "thinking",
    "source", "image_url", "url", "title", "documents", "query", "prompt", "voice", "content_type", "bytes", "functionCall",
    "inlineData", "groundingMetadata", "groundingChunks", "promptFeedback", "blockReason", "interaction", "event_type", "step",
    "contentBlockDelta", "contentBlockIndex", "messageStart", "metadata", "item", "output_index", "content_block", "generation",
    "executed_tools", "search_results", "parameters", "tools", "generationConfig", "textFormat", "action", "reasoningContent",
)  # fmt: skip
TYPES = (
    "text", "tool_use", "tool_result", "message", "function_call", "reasoning", "web_search_call", "content_block_delta",
    "content_block_start", "message_start", "message_delta", "response.output_text.delta", "response.output_item.added",
    "response.completed", "message-end", "content-delta", "tool-call-start", "image", "document", "thinking", "error", "json_schema",
)  # fmt: skip

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.floats(allow_nan=False)
    | st.sampled_from(TYPES)
    | st.text(max_size=4)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=30,
)
bodies = st.dictionaries(st.sampled_from(KEYS), values, max_size=8)


@settings(max_examples=400, deadline=None)
@given(bodies)
def test_a_body_of_any_shape_is_read(body: dict[str, Any]) -> None:
    held = formats.read(body)

    for turn in held.turns if held else ():
        assert isinstance(turn.written(), str)
    assert isinstance(formats.said(body).told(), str)


@settings(max_examples=400, deadline=None)
@given(st.lists(bodies | st.dictionaries(st.just("type"), st.sampled_from(TYPES)), max_size=6))
def test_events_of_any_shape_are_assembled_and_read(events: list[dict[str, Any]]) -> None:
    for wire in (
        b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events),
        json.dumps(events).encode(),
    ):
        stream = formats.stream()
        stream.add(wire)
        stream.end()

        formats.read(stream.reply())
        assert isinstance(stream.broken(), str)


@settings(max_examples=200, deadline=None)
@given(
    bodies,
    st.sampled_from(["openai", "anthropic", "google-ai-studio", "aws-bedrock", "cohere", "workers-ai", "custom-x"]),
)
def test_usage_of_any_shape_is_counted_or_unknown(body: dict[str, Any], provider: str) -> None:
    usage = pricing.usage_of(provider, formats.reply_format(body), body)

    for count in (usage.tokens_in, usage.tokens_out, usage.cache_read, usage.cache_write, usage.reasoning):
        assert count is None or (isinstance(count, int) and count >= 0)
    pricing.cost(provider, "gpt-4o", usage)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_event_stream_of_aws_says_so_and_ends(noise: bytes, place: int, byte: int) -> None:
    sent = [
        frame({":event-type": "contentBlockDelta", ":message-type": "event"}, b'{"delta":{"text":"Hi"}}')
        for _ in range(3)
    ]
    damaged = bytearray(b"".join(sent))
    damaged[place % len(damaged)] = byte
    frames = Frames()

    read = [*frames.add(bytes(damaged)), *frames.add(noise)]

    assert len(read) <= 4
    assert frames.broken or frames.is_torn or bytes(damaged) == b"".join(sent) or len(read) == 3


@pytest.mark.parametrize("cut", range(1, 60))
def test_half_a_frame_waits_and_is_reported_at_the_end(cut: int) -> None:
    whole = frame({":event-type": "messageStop"}, b'{"stopReason":"end_turn"}')
    frames = Frames()

    assert list(frames.add(whole[:cut])) == [] or cut >= len(whole)
    assert frames.is_torn or cut >= len(whole)
    assert is_frames(whole[:cut]) == (cut >= 12)


def test_impossible_lengths_end_the_stream() -> None:
    for lengths in ((4, 0), (2**31, 0), (64, 60), (0, 0)):
        frames = Frames()
        from struct import pack
        from zlib import crc32

        head = pack(">II", *lengths)

        assert list(frames.add(head + pack(">I", crc32(head)) + b"x" * 80)) == []
        assert frames.broken == "a frame's lengths are impossible"


AMBIGUOUS: list[tuple[dict[str, Any], str]] = [
    (
        {"model": "claude-sonnet-4-5", "messages": [{"role": "tool", "tool_call_id": "1", "content": "x"}]},
        "OpenAI chat",
    ),
    (
        {"model": "anthropic/claude", "messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
        "Anthropic messages",
    ),
    ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "Bedrock Converse"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "Workers AI"),
    (
        {"messages": [{"role": "user", "content": "x"}], "anthropic_version": "bedrock-2023-05-31"},
        "Anthropic messages (Bedrock)",
    ),
    (
        {"messages": [{"role": "user", "content": [{"text": "x"}]}], "system": [{"text": "s"}], "inferenceConfig": {}},
        "Bedrock Converse",
    ),
    ({"model": "command-a-03-2025", "messages": [{"role": "user", "content": "x"}]}, "Cohere chat"),
    ({"model": "gpt-5", "input": "x", "messages": 5}, "OpenAI responses"),
    ({"model": "text-embedding-3-small", "input": "x"}, "Embeddings"),
    ({"model": "tts-1", "input": "x", "voice": "alloy"}, "Speech"),
    ({"model": "gpt-image-1", "prompt": "a cat"}, "Images"),
    ({"model": "gpt-3.5-turbo-instruct", "prompt": "a cat"}, "Prompt"),
    ({"contents": [{"parts": [{"text": "x"}]}], "model": "gemini", "messages": []}, "Gemini"),
    ({"choices": [], "candidates": [], "usageMetadata": {}}, "Gemini"),
    (
        {"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}}, "stopReason": "end_turn"},
        "Bedrock Converse",
    ),
    ({"output": [{"type": "message", "content": []}], "status": "completed"}, "OpenAI responses"),
]


@pytest.mark.parametrize(("body", "kind"), AMBIGUOUS)
def test_an_ambiguous_body_is_read_as_the_likelier_format(body: dict[str, Any], kind: str) -> None:
    held = formats.read(body)

    assert held and held.kind == kind


def test_each_format_has_a_name() -> None:
    assert len({known.name for known in FORMATS}) == len(FORMATS)
