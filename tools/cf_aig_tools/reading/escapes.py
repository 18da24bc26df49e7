"""Decodes JSON inside strings, one level of escapes at a time."""

from bisect import bisect_right
from collections.abc import Iterator

from cf_aig_gateway.json_text import ESCAPES, meant

DEEPEST = 4
"""Maximum levels of escapes."""


class Level:
    """A text after one level of unescaping; positions map back to the original text."""

    def __init__(self, text: str, before: "Level | None" = None) -> None:
        self.text = text
        self._before = before
        self._places = [0]
        self._origins = [0]

    def origin(self, place: int) -> int:
        """Return the position in the original text."""
        if self._before is None:
            return place
        nearest = bisect_right(self._places, place) - 1
        return self._before.origin(self._origins[nearest] + place - self._places[nearest])

    def next(self) -> "Level | None":
        """Return the unescaped text, or None if there are no escapes."""
        level, parts, end, place = Level("", self), list[str](), 0, 0
        for found in ESCAPES.finditer(self.text):
            said = meant(found[0])
            parts += self.text[end : found.start()], said
            place += found.start() - end + len(said)
            end = found.end()
            level._places.append(place)
            level._origins.append(end)
        level.text = "".join(parts) + self.text[end:]
        return level if end else None


def levels(text: str) -> Iterator[Level]:
    """Yield a text as it is, then with one level of escapes decoded, and so on."""
    level: Level | None = Level(text)
    for _ in range(DEEPEST):
        yield level
        level = level.next() if "\\" in level.text else None
        if level is None:
            return
