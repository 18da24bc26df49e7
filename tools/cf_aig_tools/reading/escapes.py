"""JSON inside a string: what it says once its escapes are read, level by level."""

from bisect import bisect_right
from collections.abc import Iterator

from cf_aig_gateway.json_text import ESCAPES, meant

DEEPEST = 4
"""Levels of escapes that are read."""


class Level:
    """A text after its escapes were read once more; places lead back to the text that holds it."""

    def __init__(self, text: str, before: "Level | None" = None) -> None:
        self.text = text
        self._before = before
        self._places = [0]
        self._origins = [0]

    def origin(self, place: int) -> int:
        """Return where a place is in the text as it stands."""
        if self._before is None:
            return place
        nearest = bisect_right(self._places, place) - 1
        return self._before.origin(self._origins[nearest] + place - self._places[nearest])

    def next(self) -> "Level | None":
        """Return the text with its escapes read; None where it has none."""
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
    """Yield a text as it stands, then as it reads with one level of escapes less, and so on."""
    level: Level | None = Level(text)
    for _ in range(DEEPEST):
        yield level
        level = level.next() if "\\" in level.text else None
        if level is None:
            return
