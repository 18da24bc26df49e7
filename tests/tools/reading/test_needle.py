"""Skipping bodies by their stored text never skips one that contains what is searched for."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.needle import Needle, of_regex, of_text

MASKER = Masker()

TEXTS = st.lists(
    st.sampled_from(["refund code", "Refund", "é", '"', "\\", "\n", " ", "/", "<", "7", "_", "a", "🙂"]), max_size=8
).map("".join)


def everywhere(needle: Needle) -> Needle:
    return replace(needle, may_be_in=lambda _: True)


def nested(text: str, levels: int, ascii_: bool) -> bytes:
    value: Any = text
    for _ in range(levels):
        value = json.dumps({"content": value}, ensure_ascii=ascii_)
    return json.dumps({"messages": [{"content": value}]}, ensure_ascii=ascii_).encode()


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, TEXTS, st.integers(0, 3), st.booleans())
def test_a_text_is_found_whatever_surrounds_it(before: str, text: str, after: str, levels: int, ascii_: bool) -> None:
    body = nested(before + text + after, levels, ascii_)
    if text.strip():
        needle = of_text(text)
        assert needle.matches(body, MASKER) == everywhere(needle).matches(body, MASKER) != []


REGEXES = [
    "refund code", "(?i)REFUND", r"refund \w+", r"refund.code", r"refund\scode", r"[Rr]efund", "re+fund", r"\bcode\b",
    "refund|7a", "é", '"', r"\\", "/", "<", "^refund", "a_7", r"7{2,3}", "[^a-z]7", "e f|d c", r"(?P<x>code)",
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.sampled_from(REGEXES), st.integers(0, 3), st.booleans())
def test_a_regular_expression_is_tried_on_every_body_that_may_match(
    text: str, regex: str, levels: int, ascii_: bool
) -> None:
    body, needle = nested(text, levels, ascii_), of_regex(regex)

    assert needle.matches(body, MASKER) == everywhere(needle).matches(body, MASKER)


@pytest.mark.parametrize("regex", ["refund code", r"refund \w+ is", "(?i)refund (code|id)", r"\bZX-\d+"])
def test_most_expressions_pass_over_bodies_without_their_words(regex: str) -> None:
    assert not of_regex(regex).may_be_in(b"nothing of the kind")
