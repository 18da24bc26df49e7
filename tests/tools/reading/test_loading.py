"""A large JSON text reads the same piece by piece and all at once."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cf_aig_gateway.json_text import DEEPEST
from cf_aig_tools.reading import loading
from cf_aig_tools.reading.loading import TooMany, load, written

PIECES = (16, 24, 60, 400)
TEXT = st.text('ab"\\/\n漢\U0001f600\ud83d[]{},: \t', max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda held: st.lists(held, max_size=5) | st.dictionaries(TEXT, held, max_size=5),
    max_leaves=30,
)
SIGNS = st.sampled_from(list('[]{},:"\\1a '))


def read(text: str) -> str:
    try:
        return repr(json.loads(text, strict=False))
    except ValueError:
        return "no JSON"


def in_pieces(text: str, size: int) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "PIECE", size)
        try:
            return repr(load(text))
        except ValueError:
            return "no JSON"


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from(PIECES), st.sampled_from([None, 1]))
def test_the_value_is_the_same(value: Any, size: int, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)

    assert in_pieces(text, size) == read(text)


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from(PIECES), st.integers(0, 200), SIGNS)
@example([[1, 2, 3, 4, 5, 6, 7, 8, 9]], 16, 3, ",")
def test_text_that_is_not_json_returns_none(value: Any, size: int, place: int, sign: str) -> None:
    text = json.dumps(value)
    text = text[:place] + sign + text[place + place % 2 :]

    assert in_pieces(text, size) == read(text)


def test_a_pair_that_a_piece_would_split_stays_one_character() -> None:
    text = json.dumps(["\ud83d" * 7 + "\U0001f600" * 40])

    assert in_pieces(text, 16) == read(text)


@pytest.mark.parametrize("shape", ["[],", "{},", "[[1]],", '{"a":{"b":[1]}},'])
def test_bodies_with_too_many_values_are_not_parsed(shape: str) -> None:
    with pytest.raises(TooMany, match="more than 75,000 arrays and objects"):
        load("[" + shape * 110_000 + "1]")


def test_depth_is_bounded() -> None:
    with pytest.raises(RecursionError):
        load("[" * 100_000)


def test_a_value_is_written_as_it_was_read() -> None:
    value: Any = {"a": [1, 2.5, None, True, "漢"], "b": {}}

    assert written(value) == '{"a":[1,2.5,null,true,"漢"],"b":{}}'


@pytest.mark.parametrize(("start", "end", "levels"), [("[", "]", 1), ('{"a":', "}", 1), ('[{"a":', "}]", 2)])
@pytest.mark.parametrize("filler", ["", " " * 300_000], ids=["small", "large"])
def test_depth_has_the_same_bound_for_small_and_large_texts(start: str, end: str, levels: int, filler: str) -> None:
    most = DEEPEST // levels

    assert load(start * most + "1" + filler + end * most)
    with pytest.raises(RecursionError):
        load(start * (most + 1) + "1" + filler + end * (most + 1))
