"""Finds text in a body: each match with its context and a pointer to it."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from itertools import islice
from typing import Any, Protocol, TypeAlias

from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_tools.reading import masking
from cf_aig_tools.reading.delivery import delivered
from cf_aig_tools.reading.escapes import levels
from cf_aig_tools.reading.loading import PIECE
from cf_aig_tools.reading.pointers import joined, named

AROUND = 60
"""Characters shown on each side of a match."""
MOST = 1000
"""Maximum matches counted."""

MOST_NAMES = 10_000
"""Number of names whose match result is cached."""

_FLAGS = {True: "true", False: "false"}

Match = tuple[str, int, str]
"""The pointer to the matching text, the position of the match, and its context; no context if the previous match shows
it.
"""

Shown = Callable[[str], str]
"""Converts a text to its displayed form: masked and visible."""

Place: TypeAlias = "str | tuple[Place, str]"
"""A pointer, or a place and a name in it, which becomes a pointer when something matches."""

Part = tuple[Place, str, Any]
"""A part of a value, with its place and its name; a list item has no name."""


class Span(Protocol):
    """Where something was found."""

    def start(self) -> int:
        """Return the start."""
        ...

    def end(self) -> int:
        """Return the end."""
        ...


class Pattern(Protocol):
    """Searches a text."""

    def search(self, string: str, /) -> Span | None:
        """Return the first match."""
        ...

    def finditer(self, string: str, /) -> Iterator[Span]:
        """Yield each match."""
        ...


class Words:
    """Case-insensitive search for words, processing a few milliseconds' worth of text at a time."""

    def __init__(self, words: str) -> None:
        self._shape = re.compile(re.escape(words), re.IGNORECASE)
        self._length = len(words)

    def search(self, string: str, /) -> Span | None:
        """Return the first match."""
        return next(self.finditer(string), None)

    def finditer(self, string: str, /) -> Iterator[Span]:
        """Yield each match."""
        at = 0
        while at < len(string):
            end = at + PIECE
            if found := self._shape.search(string, at, end + self._length - 1):
                yield found
            at = found.end() if found else end


def exactly(words: str) -> Pattern:
    """Return a case-insensitive search for these words."""
    return Words(words)


def search(texts: Iterable[Any], words: str, pointer: str, visible: Shown, budget: int) -> str:
    """Return the case-insensitive matches in the first value that has any.

    `visible` converts a text to its displayed form.
    """
    found = matches(texts, exactly(words), pointer, visible)
    shown = [match for match in found[:MOST] if match[2]]
    lines = [told(match, visible) for match in shown]
    total = f"more than {MOST:,} matches" if len(found) > MOST else f"{len(found):,} match{'es' * (len(found) != 1)}"
    lead = f'{total} for "{visible(words)[:80]}".'
    return delivered(lead, lines, lambda count: _next(shown, count), budget)


def told(match: Match, visible: Shown) -> str:
    """Return a match as a line."""
    place, start, around = match
    return f"{visible(place) or 'text'}, character {start}: {around}"


def _next(places: list[Match], shown: int) -> str:
    if not places:
        return 'Try fewer words, or view="outline".'
    place, start, _ = places[min(shown, len(places) - 1)]
    missing = f"Left out: {len(places) - shown:,} places. " if shown < len(places) else ""
    where = f"{named(place)}, " if place else ""
    return f'{missing}next: {where}offset={max(0, start - 500)}, view="raw"'


def matches(texts: Iterable[Any], wanted: Pattern, pointer: str, visible: Shown) -> list[Match]:
    """Return up to MOST + 1 matches in the first value that has any.

    Names are searched only where no text matches. Secrets in the values are masked first.
    """
    for value in texts:
        for find in (_in_texts, _in_names):
            if found := list(islice(find(_parts(value, pointer), wanted, visible), MOST + 1)):
                return found
    return []


def _parts(value: Any, pointer: str) -> Iterator[Part]:
    """Yield each part of a value, in order."""
    yield pointer, "", value
    waiting = [_inside(value, pointer)]
    while waiting:
        for part in waiting[-1]:
            yield part
            if isinstance(part[2], dict | list):
                waiting.append(_inside(part[2], part[0]))
                break
        else:
            waiting.pop()


def _inside(value: Any, place: Place) -> Iterator[Part]:
    if isinstance(value, dict):
        return (((place, name), name, inner) for name, inner in as_object(value).items())
    return (((place, str(number)), "", inner) for number, inner in enumerate(as_list(value)))


def _pointer(place: Place) -> str:
    names: list[str] = []
    while not isinstance(place, str):
        place, name = place
        names.append(name)
    return reduce(joined, reversed(names), place)


def _in_texts(parts: Iterable[Part], wanted: Pattern, visible: Shown) -> Iterator[Match]:
    for place, _, held in parts:
        if isinstance(held, str):
            yield from _in_text(held, wanted, place, visible)
        elif isinstance(held, bool | int | float) and wanted.search(said := _told(held)):
            yield from _in_text(said, wanted, place, visible)


def _told(held: float) -> str:
    return _FLAGS.get(held, "") if isinstance(held, bool) else repr(held)


def _in_names(parts: Iterable[Part], wanted: Pattern, visible: Shown) -> Iterator[Match]:
    known: dict[str, str] = {}
    for place, name, _ in parts:
        if name not in known:
            if len(known) > MOST_NAMES:
                known.clear()
            known[name] = next((around for *_, around in _in_text(name, wanted, "", visible)), "")
        if known[name]:
            yield _pointer(place), 0, known[name]


def _in_text(text: str, wanted: Pattern, place: Place, visible: Shown) -> Iterator[Match]:
    """Yield the matches in a text or, if it has none, in its unescaped form, because strings may contain JSON.

    Only displayed text counts. Masking is slow, so a text is masked only if it matches unmasked.
    """
    for level in levels(text):
        if wanted.search(masking.visible(level.text)) is None:
            continue
        said, end = visible(level.text), 0
        for match in wanted.finditer(said):
            yield _pointer(place), level.origin(match.start()), _around(said, match) if match.end() > end else ""
            end = max(end, match.start() + AROUND)
        if end:
            return


def _around(text: str, match: Span) -> str:
    start, end = max(0, match.start() - AROUND), min(match.end(), match.start() + 4 * AROUND) + AROUND
    return ("…" if start else "") + " ".join(text[start:end].split()) + ("…" if end < len(text) else "")
