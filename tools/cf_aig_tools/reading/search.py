"""Where a body says something: each match with what stands around it, and how to point to it."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from cf_aig_tools.reading.delivery import delivered
from cf_aig_tools.reading.outline import parts
from cf_aig_tools.reading.pointers import joined, named

AROUND = 60
"""Characters shown on each side of a match."""
MOST = 1000
"""Matches that are counted."""

Match = tuple[str, int, str]
"""The pointer to the text that holds it, the character where it begins, and what stands around; empty when the match
before it shows that."""


def search(texts: Iterable[Any], words: str, pointer: str, visible: Callable[[str], str], budget: int) -> str:
    """Return the matches in the first of the values that has any, capital letters or not.

    `visible` writes a text as it is shown.
    """
    wanted = re.compile(re.escape(words), re.IGNORECASE)
    searched = (list(islice(_matches(value, wanted, pointer, visible), MOST + 1)) for value in texts)
    found = next(filter(None, searched), list[Match]())
    shown = [match for match in found[:MOST] if match[2]]
    lines = [f"{visible(place) or 'text'}, character {start}: {around}" for place, start, around in shown]
    total = f"more than {MOST:,} matches" if len(found) > MOST else f"{len(found):,} match{'es' * (len(found) != 1)}"
    lead = f'{total} for "{visible(words)[:80]}".'
    return delivered(lead, lines, lambda count: _next(shown, count), budget)


def _next(places: list[Match], shown: int) -> str:
    if not places:
        return 'Try fewer words, or view="outline".'
    place, start, _ = places[min(shown, len(places) - 1)]
    missing = f"Left out: {len(places) - shown:,} places. " if shown < len(places) else ""
    where = f"{named(place)}, " if place else ""
    return f'{missing}next: {where}offset={max(0, start - 500)}, view="raw"'


def _matches(value: Any, wanted: re.Pattern[str], pointer: str, visible: Callable[[str], str]) -> Iterator[Match]:
    if isinstance(value, dict | list):
        for name, part in parts(value):
            yield from _matches(part, wanted, joined(pointer, name), visible)
    elif value is not None:
        text, end = visible(str(value)), 0
        for match in wanted.finditer(text):
            yield pointer, match.start(), _around(text, match) if match.end() > end else ""
            end = max(end, match.start() + AROUND)


def _around(text: str, match: re.Match[str]) -> str:
    start, end = max(0, match.start() - AROUND), min(match.end(), match.start() + 4 * AROUND) + AROUND
    return ("…" if start else "") + " ".join(text[start:end].split()) + ("…" if end < len(text) else "")
