"""Streams of every format, cut at every event and at any byte: what had arrived is shown, and that it broke off."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf_aig_gateway import formats
from cf_aig_gateway.formats import Conversation
from cf_aig_gateway.frames import CONTENT_TYPE
from cf_aig_gateway.local.providers import (
    anthropic_messages,
    bedrock_converse,
    bedrock_invoke,
    cohere,
    gemini,
    openai_chat,
    openai_responses,
    workers_ai,
)
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, Tool

SAID = Reply("Blue light is scattered most, so the sky looks blue.", 9, 10)
CALLED = Reply('{"city": "Lisbon", "unit": "C"}', 9, 4, "tool")
WIRES: dict[str, tuple[Any, str, str]] = {
    "OpenAI chat": (openai_chat, "", "OpenAI chat"),
    "OpenAI responses": (openai_responses, "", "OpenAI responses"),
    "Anthropic": (anthropic_messages, "", "Anthropic messages"),
    "Workers AI": (workers_ai, "", "Workers AI"),
    "Gemini events": (gemini, "text/event-stream", "Gemini"),
    "Gemini array": (gemini, "application/json", "Gemini"),
    "Bedrock Converse": (bedrock_converse, CONTENT_TYPE, "Bedrock Converse"),
    "Bedrock invoke": (bedrock_invoke, CONTENT_TYPE, "Anthropic messages"),
    "Cohere": (cohere, "", "Cohere chat"),
}
SPOKEN = [(name, reply) for name in WIRES for reply in (SAID, CALLED)]


def question(name: str, reply: Reply) -> Question:
    tool = Tool("weather", {}) if reply is CALLED else None
    more = {"stream_type": WIRES[name][1]} if WIRES[name][1] else {}
    content = {"stream_options": {"include_usage": True}}
    return Question("p", "m", [], "Why?", "Why?", stream=True, tool=tool, content=content, **more)


def events(name: str, reply: Reply) -> list[bytes]:
    return list(WIRES[name][0].events(question(name, reply), reply))


def read(body: bytes, chunk: int = 100) -> tuple[str, str, Conversation | None]:
    """Return what a stream says so far, how it broke, and everything read from it."""
    stream = formats.stream()
    for start in range(0, len(body), chunk):
        stream.add(body[start : start + chunk])
    stream.end()
    held = formats.read(stream.reply())
    turns = held.turns if held else ()
    said = "".join(turn.text + "".join(call.arguments for call in turn.calls) for turn in turns)
    return said, stream.broken(), held


def squeezed(text: str) -> str:
    """Return arguments without spacing. A call that has none yet begins with an empty object."""
    return "" if text == "{}" else text.replace(" ", "")


@pytest.mark.parametrize(("name", "reply"), SPOKEN)
def test_a_complete_stream_equals_the_whole_reply(name: str, reply: Reply) -> None:
    said, broken, streamed = read(b"".join(events(name, reply)))

    result = formats.result_of(WIRES[name][0].whole(question(name, reply), reply))
    whole = formats.read(result)
    assert streamed and whole
    assert (streamed.kind, broken) == (WIRES[name][2], "")
    assert (streamed.finish, streamed.usage) == (whole.finish, whole.usage)
    assert [turn.text for turn in streamed.turns] == [turn.text for turn in whole.turns]
    assert [call.name for turn in streamed.turns for call in turn.calls] == ["weather"] * (reply is CALLED)
    assert squeezed(reply.text) == squeezed(said)


@pytest.mark.parametrize(("name", "reply"), SPOKEN)
def test_a_stream_cut_at_any_event_shows_what_had_arrived_and_that_it_broke(name: str, reply: Reply) -> None:
    sent = events(name, reply)
    before = ""
    for count in range(1, len(sent)):
        said, broken, _ = read(b"".join(sent[:count]))
        if len(sent) - count > ENDED_BY.get(name, 0):
            assert broken.startswith("Broke off: the stream ended after"), (count, broken)
        assert squeezed(said).startswith(squeezed(before)) and squeezed(reply.text).startswith(squeezed(said))
        before = said
    assert before or len(sent) == 1


ENDED_BY = {"Bedrock Converse": 1, "Gemini array": 1}
"""Events after the end of the message: Bedrock's usage, the bracket that closes an array."""


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(WIRES)), st.sampled_from([SAID, CALLED]), st.floats(0, 1), st.integers(1, 500))
def test_a_stream_cut_at_any_byte_shows_the_complete_events(name: str, reply: Reply, place: float, chunk: int) -> None:
    sent = events(name, reply)
    body = b"".join(sent)
    cut = int(place * (len(body) - 1))
    whole = next(count for count in range(len(sent) + 1) if len(b"".join(sent[: count + 1])) > cut)

    said, broken, _ = read(body[:cut], chunk)

    likely = [read(b"".join(sent[:count]))[0] for count in (whole, whole + 1)]
    assert said in likely
    assert broken.startswith("Broke off") or len(sent) - whole <= 1 + ENDED_BY.get(name, 0)


@pytest.mark.parametrize("name", ["Bedrock Converse", "Bedrock invoke"])
def test_a_frame_with_a_wrong_checksum_ends_what_can_be_read(name: str) -> None:
    sent = events(name, SAID)
    damaged = bytearray(b"".join(sent))
    damaged[len(b"".join(sent[:5])) + 30] ^= 1

    said, broken, _ = read(bytes(damaged))

    assert said == read(b"".join(sent[:5]))[0]
    assert broken == "Broke off: the stream ended after 5 events, partway through another."


def test_an_exception_in_the_frames_is_the_streams_error() -> None:
    from cf_aig_gateway.frames import frame

    failed = {
        ":message-type": "exception",
        ":exception-type": "throttlingException",
        ":content-type": "application/json",
    }
    stream = formats.stream()
    stream.add(b"".join(events("Bedrock Converse", SAID)[:4]) + frame(failed, b'{"message":"Too many tokens"}'))
    stream.end()

    assert stream.error and stream.error.told() == "throttlingException: Too many tokens"
    assert stream.broken() == "Errored: the stream ended after 5 events with an error."
    assert formats.read(stream.reply())


def test_invalid_counts_in_a_streams_event_are_tolerated() -> None:
    chunk = (
        b'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"usageMetadata":{"promptTokenCount":"nine"}}\n\n'
    )

    said, _, held = read(chunk)

    assert said == "Hi" and held and held.usage.tokens_in is None


def test_the_output_count_at_the_start_of_a_cut_stream_is_not_taken_as_the_total() -> None:
    start = {
        "type": "message_start",
        "message": {"role": "assistant", "usage": {"input_tokens": 13, "output_tokens": 1}},
    }
    text = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "The sea"}}
    stream = formats.stream()
    for event in (start, text):
        stream.take(event)
    cut = formats.read(stream.reply())
    stream.take({"type": "message_stop"})
    whole = formats.read(stream.reply())

    assert cut and (cut.usage.tokens_in, cut.usage.tokens_out) == (13, None)
    assert whole and whole.usage.tokens_out == 1


def test_a_damaged_array_reads_the_same_however_it_is_split() -> None:
    body = b'[{"candidates":[{"content":{"parts":[{"text":"a\xe8b"}]}}]},{"candidates":[{"finishReason":"STOP"}]}]'

    whole = read(body, len(body))

    assert all(read(body, size) == whole for size in range(1, len(body)))
    assert (whole[0], whole[1]) == ("a\ufffdb", "")
