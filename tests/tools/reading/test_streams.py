"""Streams are assembled. If cut anywhere, they show what had arrived and say that they broke off.

The replies and events come from the simulated providers, which the official SDKs can read.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import chunked, conversation, logged, shown

from cf_aig_gateway.local.providers import anthropic_messages, openai_chat, openai_responses, workers_ai
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, Tool

pytestmark = pytest.mark.anyio

SAID = Reply("Blue light is scattered most, so the sky looks blue.", 9, 10)
CALLED = Reply('{"city": "Lisbon", "unit": "C"}', 9, 4, "tool")
TOOL = Tool("weather", {})
WIRES: dict[str, Any] = {
    "OpenAI chat": openai_chat,
    "OpenAI responses": openai_responses,
    "Anthropic messages": anthropic_messages,
    "Workers AI": workers_ai,
}
TOLD = [(kind, SAID) for kind in WIRES] + [(kind, CALLED) for kind in list(WIRES)[:3]]


def question(reply: Reply) -> Question:
    content = {"stream_options": {"include_usage": True}}
    tool = TOOL if reply is CALLED else None
    return Question("p", "m", [], "Why?", "Why?", stream=True, tool=tool, content=content)


def events(kind: str, reply: Reply) -> list[bytes]:
    return list(WIRES[kind].events(question(reply), reply))


def words(event: bytes) -> str:
    """Return the text or arguments fragment that one event adds."""
    line = next(line[6:] for line in event.splitlines() if line.startswith(b"data: "))
    if line == b"[DONE]":
        return ""
    held = json.loads(line)
    if "choices" in held:
        delta = held["choices"][0]["delta"] if held["choices"] else {}
        calls = delta.get("tool_calls") or [{}]
        return (delta.get("content") or "") + calls[0].get("function", {}).get("arguments", "")
    delta = held.get("delta")
    if isinstance(delta, dict):
        return delta.get("text", "") + delta.get("partial_json", "")
    return held["response"] if isinstance(held.get("response"), str) else delta or ""


async def message(body: Any) -> tuple[Any, ...]:
    held = await conversation(chunked(body, 100))
    said = [
        (turn.role, turn.text, [(call.id, call.name, json.loads(call.arguments)) for call in turn.calls])
        for turn in held.turns
    ]
    return held.kind, held.finish, held.usage, held.broken, said


@pytest.mark.parametrize(("kind", "reply"), TOLD)
async def test_a_whole_stream_gives_the_message_of_the_whole_reply(kind: str, reply: Reply) -> None:
    streamed = await message(b"".join(events(kind, reply)))

    assert streamed == await message(WIRES[kind].whole(question(reply), reply))
    assert streamed[4][0][1] == reply.text or streamed[4][0][2][0][2] == json.loads(reply.text)


@pytest.mark.parametrize(("kind", "reply"), TOLD)
async def test_a_stream_cut_at_any_event_gives_what_had_arrived(kind: str, reply: Reply) -> None:
    sent = events(kind, reply)
    for count in range(1, len(sent)):
        held = await conversation(chunked(b"".join(sent[:count])))
        told = await shown(b"".join(sent[:count]))
        arrived = "".join(map(words, sent[:count]))

        assert told.startswith("Broke off: the stream ended after"), told
        said = "".join(turn.text + "".join(call.arguments for call in turn.calls) for turn in held.turns)
        assert arrived in (said, json_of(said))
        assert arrived in logged(told) or reply is CALLED


def json_of(text: str) -> str:
    """Return arguments as the simulation writes them. Anthropic's calls begin with an empty object."""
    return "" if text == "{}" else json.dumps(json.loads(text)) if text.endswith("}") else text


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(list(WIRES)), st.floats(0, 1), st.integers(1, 500))
async def test_a_stream_cut_at_any_byte_gives_what_had_arrived(kind: str, place: float, chunk: int) -> None:
    sent = events(kind, SAID)
    body = b"".join(sent)
    body = body[: int(place * (len(body) - 4))]
    complete = body[: body.rfind(b"\n\n") + 2] if b"\n\n" in body else b""
    arrived = "".join(words(event + b"\n\n") for event in complete.split(b"\n\n") if event)

    told = await shown(body, chunk=chunk)

    assert told.startswith("Broke off:" if body else "The body is stored but empty."), told
    assert arrived.strip() in told


async def test_a_failed_stream_says_so_first_in_the_providers_words() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    body = b"".join(events("Anthropic messages", SAID)[:4]) + b"event: error\ndata: " + json.dumps(error).encode()

    told = await shown(body + b"\n\n")

    assert told.startswith(
        'Errored: the stream ended after 5 events with an error.\nError: "overloaded_error: Overloaded"'
    )
    assert "Blue" in logged(told)


async def test_gemini_streams_are_assembled() -> None:
    def event(text: str, **more: str) -> bytes:
        part = {"content": {"role": "model", "parts": [{"text": text}]}, **more}
        return b"data: " + json.dumps({"candidates": [part], "modelVersion": "gemini-2.5-pro"}).encode() + b"\r\n\r\n"

    whole = await conversation(chunked(event("Bl") + event("ue", finishReason="STOP")))
    cut = await conversation(chunked(event("Bl")))

    assert (whole.kind, whole.turns[0].text, whole.finish, whole.broken) == ("Gemini", "Blue", "STOP", "")
    assert cut.broken.startswith("Broke off")


async def test_a_search_in_a_stream_looks_at_the_message_and_then_at_what_is_stored() -> None:
    body = b"".join(events("OpenAI chat", SAID))

    assert "/choices/0/message/content, character 14: " in await shown(body, search="scattered most, so")
    assert "matches for" in await shown(body, search="chat.completion.chunk")
