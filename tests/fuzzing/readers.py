"""Readers under fuzzing: wire formats, streams, frames, bodies, masking, filters."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from fuzzing.values import DEEP, NASTY, anything, texts, written
from hypothesis import strategies as st
from pydantic import ValidationError

from cf_aig_gateway import formats, pricing
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.frames import Frames, frame
from cf_aig_gateway.local.log_query import LogQuery
from cf_aig_gateway.local.store_conditions import matching
from cf_aig_tools.reading import Reading, read_body
from cf_aig_tools.reading.masking import Masker

MEMBERS = (
    "model", "messages", "role", "content", "text", "type", "choices", "delta", "message", "tool_calls", "function",
    "name", "arguments", "index", "finish_reason", "usage", "prompt_tokens", "input", "output", "instructions", "system",
    "contents", "parts", "candidates", "functionCall", "usageMetadata", "inputTokens", "stopReason", "toolUse", "id",
    "content_block", "partial_json", "stop_reason", "event_type", "generations", "chatHistory", "response", "result",
    "success", "errors", "error", "code", "data", "embedding", "b64_json", "inline_data", "image_url", "url", "source",
    "query", "provider", "endpoint", "thinking", "reasoning", "outputs", "steps", "interaction", "tools", "event",
)  # fmt: skip
KINDS = (
    "text", "message", "function", "function_call", "reasoning", "tool_use", "tool_result", "message_start",
    "content_block_start", "content_block_delta", "message_delta", "message_stop", "response.created",
    "response.output_text.delta", "response.output_item.added", "response.completed", "message-start", "content-delta",
    "message-end", "image", "document", "error", "assistant", "user", "system", "tool",
)  # fmt: skip
leaves = anything | st.sampled_from(KINDS)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=15,
)
bodies = st.dictionaries(st.sampled_from(MEMBERS), values, max_size=6)
seeds = st.integers(0, 2**32)


@dataclass(frozen=True)
class Target:
    """A target to fuzz: its cases, and the property to check. `share` of a thousand cases are its own."""

    name: str
    cases: st.SearchStrategy[Any]
    check: Callable[[Any], None]
    share: int


def read_any(body: Any) -> None:
    """Read a body of any shape as a request, a reply, and an error."""
    held = formats.read(body)
    for turn in held.turns if held else ():
        assert isinstance(turn.written(), str)
    assert isinstance(formats.said(body).told(), str)
    if isinstance(body, dict):
        for provider in ("openai", "anthropic", "google-ai-studio", "aws-bedrock", "workers-ai"):
            pricing.cost(provider, "gpt-4o", pricing.usage_of(provider, formats.reply_format(body), body))


def pieces(data: Any, seed: int) -> list[Any]:
    """Split bytes or a text at places drawn from the seed."""
    places = random.Random(seed)
    cuts = sorted(places.randrange(len(data) + 1) for _ in range(places.randrange(12)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def streamed(parts: list[bytes]) -> tuple[Any, ...]:
    stream = formats.stream()
    for part in parts:
        stream.add(part)
    stream.end()
    return json.dumps(stream.reply()), stream.broken(), stream.events, stream.error, stream.has_ended


def stream_in_pieces(case: tuple[list[Any], str, int]) -> None:
    """A stream reads the same however its bytes are split."""
    events, form, seed = case
    if form == "array":
        body = written(events)
    elif form == "frames":
        body = b"".join(frame({":event-type": KINDS[n % 9]}, written(event)) for n, event in enumerate(events))
    else:
        body = b"".join(b"data: %b%b%b" % (written(event), *[form.encode("utf-8", "replace")] * 2) for event in events)
    if seed % 3 == 0:
        body = body[: seed % (len(body) + 1)]
    if seed % 5 == 0 and body:
        body = body[: seed % len(body)] + bytes([seed % 256]) + body[seed % len(body) + 1 :]

    assert streamed(pieces(body, seed)) == streamed([body])


def frames_in_pieces(case: tuple[list[tuple[str, bytes]], bytes, int]) -> None:
    """Frames read the same however their bytes are split, even if damaged."""
    held, noise, seed = case
    body = bytearray(
        b"".join(
            frame({":event-type": name.encode("utf-8", "replace").decode()[:60]}, payload) for name, payload in held
        )
        + noise
    )
    if seed % 3 == 0 and body:
        body[seed % len(body)] ^= 1 << seed % 8

    def read(parts: list[bytes]) -> tuple[Any, ...]:
        frames = Frames()
        found = [each for part in parts for each in frames.add(part)]
        return found, frames.broken, frames.is_torn or bool(frames.broken)

    assert read(pieces(bytes(body), seed)) == read([bytes(body)])


PIECES_OF_SECRETS = (
    "sk-proj-", "sk-ant-api03-", "AKIA", "ghp_", "eyJhbGciOi", ".", "Bearer ", "password=", '"api_key": "', "\\u0073",
    "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "\n", "\\", '"', "\u200b", "AbC123xYz789QwErTy456UiOp", "/",
    "postgres://u:", "@host/db", "AccountKey=", "==", "xoxb-", "AIza", " ", "token", ":", "\u202e", "\\\\u002d", "0123456789",
)  # fmt: skip
secret_texts = st.lists(st.sampled_from(PIECES_OF_SECRETS) | st.text(max_size=6), max_size=25).map("".join)


def mask_in_pieces(case: tuple[str, int]) -> None:
    """A text masked in pieces equals the whole text masked."""
    text, seed = case
    masker = Masker()
    stream = masker.stream()

    assert "".join(map(stream.feed, pieces(text, seed))) + stream.end() == masker.mask(text)


def read_any_body(case: tuple[bytes, Reading, int]) -> None:
    """A stored body of any bytes is shown within its budget, or refused with a proper error."""
    body, asked, seed = case

    async def chunks() -> AsyncIterator[bytes]:
        for part in pieces(body, seed):
            yield part

    try:
        told = RUNNER.run(read_body(chunks(), asked, masker=Masker()))
    except GatewayError as error:
        told = str(error)
    assert len(told) <= 20 * asked.budget + 2000


RUNNER = asyncio.Runner()

stored = (
    st.binary(max_size=200)
    | values.map(written)
    | st.builds(lambda value: written({"messages": value, "x": DEEP}), values)
    | st.lists(bodies, max_size=4).map(lambda events: b"".join(b"data: %b\n\n" % written(event) for event in events))
    | st.builds(lambda value, cut: written(value)[:-cut], values, st.integers(1, 30))
)
readings = st.builds(
    Reading,
    view=st.sampled_from(["", "raw", "structure", "conversation", "timeline"]),
    pointer=st.sampled_from(["", "/", "/messages/0", "/a~1b", "/0/query", "//", "/messages/-1"]) | texts,
    search=st.sampled_from(["", "", "a", "SYSTEM"]) | texts,
    offset=st.integers(-300, 300),
    limit=st.integers(0, 300),
    budget=st.sampled_from([200, 2000]),
)

clauses = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["model", "cost", "created_at", "metadata.key", "metadata.value", "success", "id"])
            | texts,
            "operator": st.sampled_from(["eq", "neq", "gt", "lt", "contains"]) | texts,
            "value": st.lists(anything, max_size=3) | anything,
        }
    )
    | anything,
    max_size=4,
)


def filter_any(case: tuple[Any, dict[str, Any]]) -> None:
    """A filter is accepted, or refused as invalid."""
    filters, others = case
    try:
        query = LogQuery.model_validate({**others, "filters": written(filters).decode()})
    except ValidationError:
        return
    matching("default", query)


others = st.dictionaries(
    st.sampled_from(["page", "per_page", "order_by", "search", "start_date", "end_date", "min_cost", "feedback"]),
    anything,
)
forms = st.sampled_from(["array", "frames", "\n", "\r\n", "\r"])
TARGETS = [
    Target("readers", values | st.just(NASTY), read_any, 200),
    Target("streams", st.tuples(st.lists(bodies, max_size=6), forms, seeds), stream_in_pieces, 150),
    Target(
        "frames",
        st.tuples(
            st.lists(st.tuples(st.text(max_size=12), st.binary(max_size=30)), max_size=4), st.binary(max_size=40), seeds
        ),
        frames_in_pieces,
        150,
    ),
    Target("masking", st.tuples(secret_texts, seeds), mask_in_pieces, 200),
    Target("bodies", st.tuples(stored, readings, seeds), read_any_body, 60),
    Target("filters", st.tuples(clauses, others), filter_any, 150),
]
