"""Fingerprints recognize requests that are the same, that differ only in a time or an id, and that continue another."""

import json
from typing import Any

import pytest

from cf_aig_gateway.formats.fingerprint import Fingerprint, fingerprint


def of(body: Any) -> Fingerprint:
    return fingerprint(json.dumps(body).encode())


def asking(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("At 2026-11-21T12:00:01Z: why?", "At 2026-11-22T08:11:59.123+01:00: why?"),
        ("[12:00:01] why?", "[08:11:59] why?"),
        ("It is 9:05. Why?", "It is 10:55. Why?"),
        ("now=1763726400 why", "now=1763730000123 why"),
        ("call 550e8400-e29b-41d4-a716-446655440000 why", "call 123e4567-e89b-12d3-a456-426614174000 why"),
        ("request req_8f02a7c1b9 why", "request req_11aa22bb3c why"),
        ("trace 01JD3QX7M5ZK8RFT2VBN6WYC4H, why", "trace 01JD3R0A9H7C2MXKE5GQW8T4ZP, why"),
        ("a\n2026-11-21T12:00:01Z\nb", "a\n2026-11-21T12:00:02Z\nb"),
    ],
)
def test_requests_that_differ_only_in_times_and_ids_are_the_same(one: str, other: str) -> None:
    first, second = of(asking(one)), of(asking(other))

    assert first.plain == second.plain
    assert first.whole != second.whole


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is 2 + 2?", "What is 3 + 3?"),
        ("Order 118 is late", "Order 119 is late"),
        ("Who won on 2026-11-20?", "Who won on 2026-11-21?"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini-2024-07-19"),
        ("Call 555 0199", "Call 555 0198"),
        ("v1.2.3 or v1.2.4", "v1.2.3 or v1.2.5"),
    ],
)
def test_requests_that_differ_in_other_numbers_are_different(one: str, other: str) -> None:
    assert of(asking(one)).plain != of(asking(other)).plain


def test_the_reply_limit_does_not_make_a_different_request_but_the_model_does() -> None:
    short, long = of(asking("Why?", max_tokens=16)), of(asking("Why?", max_tokens=900))

    assert (short.limit, long.limit) == (16, 900)
    assert short.plain == long.plain
    assert of(asking("Why?", max_tokens=16) | {"model": "gpt-5"}).plain != short.plain


ANTHROPIC = {"model": "claude-sonnet-4-5", "max_tokens": 9, "system": "Be brief.", "tools": [{"name": "look"}]}


def conversations() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return, by wire format, a request and the one that continues it."""
    said = [{"role": "user", "content": "Why?"}]
    answered = [{"role": "assistant", "content": "So."}, {"role": "user", "content": "And?"}]
    tool = [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "function": {"name": "look"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "blue"},
    ]
    item = [{"type": "function_call", "call_id": "c", "name": "look"}, {"type": "function_call_output", "output": "b"}]
    part = {"role": "user", "parts": [{"text": "Why?"}]}
    reply = [{"role": "model", "parts": [{"text": "So."}]}, {"role": "user", "parts": [{"text": "And?"}]}]
    rules = [{"role": "system", "content": "Be brief."}]
    return {
        "chat": ({"messages": [*rules, *said]}, {"messages": [*rules, *said, *answered]}),
        "chat, tools": ({"messages": said}, {"messages": [*said, *tool]}),
        "anthropic": (ANTHROPIC | {"messages": said}, ANTHROPIC | {"messages": [*said, *answered]}),
        "responses": ({"input": said}, {"input": [*said, *answered]}),
        "responses, tools": ({"input": said}, {"input": [*said, {"type": "reasoning", "summary": []}, *item]}),
        "gemini": ({"contents": [part]}, {"contents": [part, *reply]}),
    }


@pytest.mark.parametrize("form", conversations())
def test_a_request_contains_the_messages_of_the_one_before(form: str) -> None:
    before, after = map(of, conversations()[form])

    assert before.said == after.carries != ""
    assert before.carries == ""
    assert before.opening == after.opening
    assert before.history == 0 < after.history


def test_cache_marks_do_not_make_a_different_prompt() -> None:
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    plain = of(ANTHROPIC | {"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]})
    marked = of(
        ANTHROPIC
        | {
            "tools": [{"name": "look", **mark}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Why?", **mark}]}],
        }
    )

    assert (marked.plain, marked.said, marked.toolset) == (plain.plain, plain.said, plain.toolset)
    assert (plain.life, marked.life) == (0, 3600)


def test_a_body_that_is_not_json_or_not_a_request_still_has_a_digest() -> None:
    odd = [fingerprint(body) for body in (b"", b"\xff\x00", b"[1, 2]", b'"text"', b'{"file": null}', b"{}")]

    assert len({each.whole for each in odd if each.whole}) == 5
    assert all(each.said == "" for each in odd)


def test_a_universal_request_is_identified_by_its_first_step() -> None:
    step = {"provider": "openai", "endpoint": "chat/completions", "query": asking("Why?")}

    assert of([step, step]).said == of(asking("Why?")).said


def test_a_fingerprint_is_read_as_it_is_stored() -> None:
    made = of(asking("Why?"))

    assert Fingerprint.of_row(json.loads(json.dumps(made.row()))) == made
    assert Fingerprint.of_row(None) is None
    assert Fingerprint.of_row(["x"]) is None
