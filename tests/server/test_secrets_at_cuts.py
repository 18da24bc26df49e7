"""Secrets that begin before a cut and end after it, in every field of every log, through every tool: none is shown."""

import json
import random
from collections.abc import Iterator
from itertools import cycle

import pytest
from hostile_calls import CALLS, WORLDS, client_of
from injection import Hostile
from secrets_corpus import KEYS, drawn

from cf_aig_gateway.one_line import quoted, shortened, word
from cf_aig_tools.reading.masking import Masker

pytestmark = pytest.mark.anyio

CUTS = (80, 200, 400, 500, 2000)
"""Lengths at which texts are cut: cells, names, words, errors, fields."""

PART = 8
"""How many characters of a secret give it away."""

SEEDS = 2


def texts(seed: int) -> Iterator[tuple[str, str]]:
    """Yield texts with a secret near a place where texts are cut, and the secret."""
    luck = random.Random(seed)
    for shape in luck.sample(list(KEYS.values()), len(KEYS)):
        text, secret = drawn(shape, seed)
        before = luck.choice(("word ", "abc/ ", "x", "a\n")) * 2000
        start = max(8, luck.choice(CUTS) - luck.randrange(60))
        yield f"{before[:start]} {text} {'and more words ' * 200}", secret


def parts(secret: str) -> Iterator[str]:
    return (secret[start : start + PART] for start in range(len(secret) - PART + 1))


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("name", WORLDS)
async def test_cutting_a_text_never_reveals_a_secret(name: str, seed: int) -> None:
    planted = list(texts(seed))
    known = {part: text for text, secret in planted for part in parts(secret)}
    world = Hostile(**WORLDS[name], attempts=cycle(text for text, _ in planted))
    found: set[str] = set()
    async with client_of(world) as client:
        for tool, calls in CALLS.items():
            for arguments in calls:
                result = await client.call_tool(tool, arguments)
                told = "".join(part.text for part in result.content if part.type == "text")
                told += json.dumps(result.structured_content, ensure_ascii=False)
                shown = (known[part] for part in parts(told) if part in known)
                found |= {f"{tool} {arguments}: {text!r}" for text in shown}

    assert found == set()


@pytest.mark.parametrize("cut", [lambda text: shortened(text, 200), word, quoted], ids=["shortened", "word", "quoted"])
def test_what_is_cut_shows_no_half_of_a_secret(cut) -> None:
    masker, shown = Masker(), list[str]()
    for seed in range(3):
        for kind, shape in KEYS.items():
            text, secret = drawn(shape, seed)
            if any(part in masker.mask(text) for part in parts(secret)):
                continue
            for start in range(max(8, 190 - len(text)), 200, 7):
                told = masker.mask(cut(f"{'x' * start} {text} and more{' words' * 60}"))
                shown += [f"{kind} at {start}: {part}" for part in parts(secret) if part in told]

    assert shown == []


def test_a_long_name_of_small_letters_stays() -> None:
    assert word("x" * 500) == "x" * 200 + "…"
    assert word("gpt-4o/" + "A1b2" * 100) == "gpt-4o/A…"
    assert shortened("a few words, and Abc123", 20) == "a few words, and…"
