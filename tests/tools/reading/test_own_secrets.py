"""What an operator masks in addition, and what they show despite the rules."""

import json
import random
from pathlib import Path

import pytest

from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.own_secrets import own_secrets
from cf_aig_tools.reading.secrets import REACH

FILE = r"""
# Badges of our people, and tickets.
\bEMP-[0-9]{6}\b
(?i)ticket [a-z]{3}\d+
LONG-[A-Z0-9]+
^pin: .*$

allow: sk-proj-shown.*
allow:hunter2
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mask.txt"
    path.write_text(FILE)
    return path


@pytest.fixture
def masker(file: Path) -> Masker:
    return Masker(own=own_secrets(file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("badge EMP-123456.", "badge [own_secret]."),
        ("badge EMP-1234567", "badge EMP-1234567"),
        ("Ticket abc42, and ticket abcd", "[own_secret], and ticket abcd"),
        ("a\npin: 1 2 3\nb", "a\n[own_secret]\nb"),
        ("é漢 EMP-123456 🧪", "é漢 [own_secret] 🧪"),
        (json.dumps({"a": "x\npin: 4 5\ny"}), json.dumps({"a": "x\n[own_secret]\ny"})),
        ("E\u200bMP-123456", "[own_secret]"),
        (f"LONG-{'A1' * 900} next", "[own_secret] next"),
        ("password=hunter2", "password=hunter2"),
        ("password=hunter3", "password=[login_password]"),
        ("sk-proj-shown1234567890", "sk-proj-shown1234567890"),
        ("sk-proj-hidden1234567890", "[openai_key]"),
    ],
)
def test_an_operators_file_adds_masks_and_exceptions(masker: Masker, text: str, said: str) -> None:
    assert masker.mask(text) == said


def test_without_masking_nothing_is_masked(file: Path) -> None:
    assert Masker(enabled=False, own=own_secrets(file)).mask("EMP-123456") == "EMP-123456"


@pytest.mark.parametrize("seed", range(30))
def test_an_operators_secrets_are_masked_however_the_text_is_cut(masker: Masker, seed: int) -> None:
    luck = random.Random(seed)
    pieces = [
        "EMP-123456 ",
        f"LONG-{'A' * luck.randrange(2 * REACH)}",
        " ticket abc1",
        "\npin: 1\n",
        "word ",
        "\\n",
        "z" * 900,
    ]
    text = "".join(luck.choices(pieces, k=12))
    stream, out, start = masker.stream(), "", 0
    while start < len(text):
        size = luck.randrange(1, 700)
        out += stream.feed(text[start : start + size])
        start += size

    assert out + stream.end() == masker.mask(text)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("(a+", "missing"),
        ("(?=a)b", "no look-around"),
        (r"(a)\1", "no look-around"),
        ("a*", "matches empty text"),
        ("(a{1,900}){1,900}", "is not valid|is too large"),
        ("allow: [", "missing"),
    ],
)
def test_a_nonlinear_or_invalid_expression_is_refused_with_its_line_number(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "mask.txt"
    path.write_text(f"# one\nfine\n{line}\n")

    with pytest.raises(ValueError, match=rf"line 3 .*({why})"):
        own_secrets(path)


def test_no_expression_takes_longer_than_its_text(tmp_path: Path) -> None:
    """An expression that takes very long elsewhere. Here each of 100,000 places costs one bounded look."""
    path = tmp_path / "mask.txt"
    path.write_text("(a+)+b\n(a|a)*c\na.*d\n")

    assert Masker(own=own_secrets(path)).mask("a" * 30_000) == "a" * 30_000
