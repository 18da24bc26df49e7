"""A large body reads the same without being held in memory, except for the middles of long strings."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import logged, shown

from cf_aig_gateway.formats.content import measured
from cf_aig_tools.reading.skeleton import Skeleton

RECENT = 1000
"""Bytes that are kept complete."""

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LONG = st.builds(
    lambda part, count: part * count, st.text('ab "\\/\n漢\U0001f600', min_size=1, max_size=9), st.integers(1, 400)
)
JSON = st.recursive(
    st.none() | st.integers() | TEXT | LONG,
    lambda held: st.lists(held, max_size=4) | st.dictionaries(TEXT, held, max_size=4),
)


def skeleton(body: bytes, chunk: int) -> tuple[Any, Skeleton]:
    """Read a body followed by as many bytes as are kept complete, so that the body itself is cut."""
    read = Skeleton(RECENT)
    for start in range(0, len(body), chunk):
        read.add(body[start : start + chunk])
    read.add(b" " * RECENT)
    return read.value(), read


def is_same(cut: Any, whole: Any, read: Skeleton) -> bool:
    if isinstance(whole, dict):
        return len(cut) == len(whole) and all(
            is_same(part, whole[name], read) for name, part in cut.items() if name in whole
        )
    if isinstance(whole, list):
        return len(cut) == len(whole) and all(map(is_same, cut, whole, [read] * len(cut)))
    if isinstance(whole, str) and (gap := read.gap.search(cut)):
        return whole.startswith(cut[: gap.start()]) and measured(cut, read.gap) >= len(whole)
    return cut == whole


@settings(max_examples=60, deadline=None)
@given(JSON, st.integers(1, 700), st.booleans())
def test_the_kept_parts_are_unchanged(value: Any, chunk: int, ascii_only: bool) -> None:
    cut, read = skeleton(json.dumps(value, ensure_ascii=ascii_only).encode(), 400 + chunk)

    assert is_same(cut, value, read)


@pytest.mark.parametrize("begins", ['"', "\\", "\n", "\x01", "漢", "\U0001f600", "word"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_long_string_is_read_however_it_begins(begins: str, ascii_only: bool) -> None:
    value = [begins + "word " * 200, begins * 400, {begins: begins * 301}]

    cut, read = skeleton(json.dumps(value, ensure_ascii=ascii_only).encode(), 500)

    assert is_same(cut, value, read)


def test_a_string_is_counted_with_what_was_left_out() -> None:
    cut, read = skeleton(json.dumps(["word " * 9000]).encode(), 5000)

    assert measured(cut[0], read.gap) == 45_000
    assert len(cut[0]) < 400


@pytest.mark.anyio
async def test_a_string_that_fills_the_rest_shows_both_its_ends() -> None:
    body = {"messages": [{"role": "user", "content": "begin " + "more words " * 90_000 + "so: why?"}]}

    told = logged(await shown(body, chunk=65_536))

    assert told.startswith("0 user: begin more words")
    assert told.endswith("so: why? (990,014 characters)")


@pytest.mark.anyio
async def test_a_body_that_turns_out_not_to_be_json_shows_its_beginning() -> None:
    told = await shown(b'{"a": "' + b"some words " * 90_000, chunk=65_536, budget=300)

    assert told.startswith("Unreadable JSON: 990,007 characters")
    assert logged(told).startswith('{"a": "some words')
    assert "after: offset=" in told
