import json
import random
import string
import time
from base64 import b64encode
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokens import o200k

from cf_aig_tools.reading.budget import cut, tokens
from cf_aig_tools.reading.letters import SPACED, WORDS

PROSE = """It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was
the epoch of belief, it was the season of Light, it was the spring of hope, it was the winter of despair. The shipment left the
warehouse on Tuesday; the carrier says that it will arrive tomorrow morning. I'm sorry for the inconvenience; would you like a
refund? Many visitors enjoy walking along the river while eating fresh bread and cheese, and the weather is pleasant in spring."""
CODE = '''def answer(request: Request, *, retries: int = 3) -> Response:
    """Return what the provider says."""
    for attempt in range(retries):
        if (found := cache.get(key(request))) is not None and not found.is_stale:
            return Response(200, json={"cached": True, "text": found.text})
    raise TimeoutError(f"no answer after {retries} attempts")
'''
ALPHABETS = {
    "hex": "0123456789abcdef",
    "letters": string.ascii_lowercase,
    "letters and blanks": string.ascii_lowercase + "    ",
    "capitals": string.ascii_uppercase,
    "letters and digits": string.ascii_letters + string.digits,
    "punctuation": string.punctuation,
    "json": '{}[]":,\\ n0',
    "blanks": " \t\r\n",
    "control": "".join(map(chr, range(32))) + "\x7f\x85",
    "cjk": "".join(map(chr, range(0x4E00, 0xA000))),
    "hangul": "".join(map(chr, range(0xAC00, 0xD7A4))),
    "kana": "".join(map(chr, range(0x3041, 0x30FF))),
    "arabic": "".join(map(chr, range(0x600, 0x700))),
    "hindi": "".join(map(chr, range(0x900, 0x980))) + " ",
    "thai": "".join(map(chr, range(0xE01, 0xE5C))),
    "emoji": "".join(map(chr, range(0x1F300, 0x1F700))) + "\u200d\ufe0f❤👩👧",
    "invisible": "\u200b\u200c\u200d\u202e\u2066\ufeff\u00ad ",
}


def drawn(alphabet: str, length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))


def ids(count: int, seed: int) -> list[str]:
    numbers = random.Random(seed)
    return [str(UUID(int=0x019AC0DE00007000 << 64 | numbers.getrandbits(64))) for _ in range(count)]


def rows(count: int, seed: int) -> list[dict[str, object]]:
    return [
        {"id": id_, "model": "gpt-4o", "status_code": 429, "duration": 812, "cost": 0.0026} for id_ in ids(count, seed)
    ]


@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("length", [200, 1000, 5000])
def test_random_text_is_never_counted_under(alphabet, length):
    for seed in range(8):
        text = drawn(ALPHABETS[alphabet], length, seed)
        assert tokens(text) >= o200k(text), text


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1, max_size=400))
@example("\x08\\n")
@example('",\\n')
@example("};\\t")
@example("  \u4f60")
def test_any_text_is_never_counted_under(text):
    assert tokens(text) >= o200k(text)


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=60, max_size=3000))
def test_base64_is_never_counted_under(data):
    text = b64encode(data).decode()
    assert tokens(text) >= o200k(text)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9))
def test_a_mixture_is_never_counted_under(seed):
    numbers = random.Random(seed)
    parts = [
        numbers.choice([PROSE, CODE, *ids(2, seed), drawn(ALPHABETS[numbers.choice([*ALPHABETS])], 60, seed)])
        for _ in range(9)
    ]
    text = numbers.choice(["", " ", "\n"]).join(parts)
    for shown in (text, json.dumps(text), json.dumps(json.dumps({"content": text}))):
        assert tokens(shown) >= o200k(shown)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(["", "_", "-", ".", "/", r"\n", r"\\t", " "]))
def test_words_run_together_are_never_counted_under(seed, joint):
    numbers = random.Random(seed)
    words = numbers.choices(sorted(WORDS | SPACED), k=12)
    for shape in (str.lower, str.upper, str.capitalize):
        together = ["".join(map(shape, numbers.choices(words, k=numbers.randint(1, 3)))) for _ in range(6)]
        assert tokens(joint.join(together)) >= o200k(joint.join(together)), together


@pytest.mark.parametrize("unit", [*map(chr, range(1, 128)), "é", "你", "ا", "\u202e", "\r\n", " \n", "\n    "])
def test_a_run_is_never_counted_under(unit):
    for length in range(1, 65):
        assert tokens(unit * length) >= o200k(unit * length), length


@pytest.mark.parametrize(
    ("text", "most"),
    [
        (PROSE, 1.4),
        (PROSE.split(".", maxsplit=1)[0], 1.4),
        (CODE, 1.6),
        (json.dumps(rows(50, 1)), 1.6),
        (json.dumps(rows(50, 2), separators=(",", ":")), 1.3),
        ("\n".join(f"{id_}  23:57  gpt-4o  429  0.1  0" for id_ in ids(50, 3)), 1.3),
    ],
)
def test_texts_like_those_in_results_are_counted_closely(text, most):
    assert o200k(text) <= tokens(text) <= most * o200k(text)


def test_nothing_costs_nothing():
    assert tokens("") == 0
    assert cut("", 0) == ""
    assert cut("some text", 0) == cut("some text", -1) == ""


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=200), st.sampled_from([PROSE, CODE, json.dumps(rows(3, 4))])), st.integers(0, 300))
def test_a_cut_fits_and_is_a_prefix(text, budget):
    kept = cut(text, budget)
    assert text.startswith(kept)
    assert tokens(kept) <= budget
    assert kept == text or tokens(text) > budget or budget == 0


def test_a_cut_uses_its_budget():
    kept = cut(PROSE * 50, 1000)
    assert tokens(kept) == 1000


@pytest.mark.parametrize("text", ["a" * 2_000_000, "é" * 500_000, drawn(string.ascii_letters + "+/", 1_000_000, 1)])
def test_a_cut_of_a_long_line_is_quick(text):
    started = time.process_time()
    cut(text, 2000)
    assert time.process_time() - started < 0.5
