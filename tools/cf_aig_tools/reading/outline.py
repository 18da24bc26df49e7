"""Shows a JSON value as a tree of paths, types and sizes, largest first."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from cf_aig_gateway.formats.content import as_json, numbers_cut
from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_tools.reading.delivery import delivered
from cf_aig_tools.reading.pointers import joined
from cf_aig_tools.reading.quoting import Quoting

FEW = 4
"""Parts at similar places that are listed individually."""

TOLD = 60
"""Maximum characters of a text or number that is shown instead of its size."""

_NAMES: dict[type[Any], str] = {
    dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "constant",
    type(None): "constant",
}  # fmt: skip
_CONSTANTS = {None: 4, True: 4, False: 5}


MOST_PLACES = 4_000
"""Maximum places that are listed separately; beyond that, the smaller half is only counted."""


@dataclass(frozen=True)
class Part:
    """One part of a value: its size in characters, its parent, its name or index, and the value."""

    size: int
    pointer: str
    name: str | None
    value: Any

    @property
    def where(self) -> str:
        """The pointer to it."""
        return self.pointer if self.name is None else joined(self.pointer, self.name)


@dataclass
class Place:
    """The parts at similar places: their count, total size, the first part and the two largest."""

    count: int = 0
    size: int = 0
    types: set[type[Any]] = field(default_factory=set[type[Any]])
    first: list[Part] = field(default_factory=list[Part])
    largest: list[Part] = field(default_factory=list[Part])

    def add(self, size: int, pointer: str, name: str | None, value: Any) -> None:
        """Add a part."""
        self.count += 1
        self.size += size
        self.types.add(cast(type[Any], type(value)))
        if self.count <= FEW:
            self.first.append(Part(size, pointer, name, value))
        if len(self.largest) < 2 or size > self.largest[1].size:
            self.largest = heapq.nlargest(2, [*self.largest, Part(size, pointer, name, value)], key=_size_of)

    def add_numbers(self, count: int, size: int) -> None:
        """Add numbers when only their total size is known."""
        self.count += count
        self.size += size
        self.types.add(float)


def outline(value: Any, quoting: Quoting, budget: int, pointer: str = "") -> str:
    """Return the largest parts of a value that fit; parts at similar places of an array are combined."""
    lead, lines, count = outline_lines(value, quoting, budget // 4, pointer)
    return delivered(lead, lines, lambda shown: _left_out(count, shown), budget)


def outline_lines(value: Any, quoting: Quoting, most: int, pointer: str = "") -> tuple[str, list[str], int]:
    """Return what a value comes to, the lines of its `most` largest parts, and how many lines there are."""
    survey = _Survey(quoting)
    total = survey.measure(value, pointer, pointer)
    told = [line for where, place in survey.places.items() for line in _told(where, place, quoting)]
    largest = heapq.nlargest(most, told, key=lambda line: line[0])
    lines = [f"{quoting.place(where) or '(whole)'}  {what()}" for _, where, what in largest]
    lead = f"{survey.count:,} parts, {total:,} characters of JSON; pointer, type and size, largest first."
    return lead, lines, len(told) + survey.dropped


def _size_of(part: Part) -> int:
    return part.size


Told = tuple[int, str, Callable[[], str]]
"""Size, pointer, and a function that describes the part."""


def _told(where: str, place: Place, quoting: Quoting) -> list[Told]:
    """Return lines for the parts at one place, where `*` stands for any index."""
    if place.count == len(place.first):
        return [(part.size, part.where, partial(_one, part, quoting)) for part in place.first]
    return [(place.size, where, partial(_many, place, quoting))]


def _one(part: Part, quoting: Quoting) -> str:
    value: Any = part.value
    if part.size > TOLD or isinstance(value, dict | list):
        return f"{_kind(value)}, {part.size:,} characters"
    masked = as_object(quoting.masked({part.name or "": value}))
    return quoting.short(as_json(next(iter(masked.values()))), TOLD)


def _many(place: Place, quoting: Quoting) -> str:
    kinds = {_NAMES[each] for each in place.types}
    kind = kinds.pop() if len(kinds) == 1 else "part"
    what = f"{place.count:,} {kind}s, {place.size:,} characters"
    if len(place.largest) < 2:
        return what
    first, second = place.largest
    if first.size > second.size:
        return f"{what}; largest {quoting.place(first.where)}, {first.size:,}"
    return f"{what} ({first.size:,} at most)"


def _left_out(lines: int, shown: int) -> str:
    return (
        f'Left out: {lines - shown:,} smaller parts. To see those of one part, use pointer="…" with view="outline".'
        * (shown < lines)
    )


class _Survey:
    """Measures a value part by part; `dropped` counts the places that were too many to list."""

    def __init__(self, quoting: Quoting) -> None:
        self._quoting = quoting
        self.places: dict[str, Place] = {}
        self.count = 0
        self.dropped = 0

    def measure(self, value: Any, pointer: str, place: str) -> int:
        """Add a value and its parts, and return its size in characters."""
        size = self._size(value, pointer, place)
        self._add(place, size, pointer, None, value)
        return size

    def _size(self, value: Any, pointer: str, place: str) -> int:
        if isinstance(value, dict):
            return max(2, 1 + sum(self._member(*each, pointer, place) for each in as_object(value).items()))
        if isinstance(value, list):
            like = joined(place, "*")
            items = enumerate(as_list(value))
            return max(2, 1 + sum(1 + self._part(each, str(number), pointer, like) for number, each in items))
        if isinstance(value, str):
            return self._quoting.length(value) + 2
        return _CONSTANTS[value] if value is None or isinstance(value, bool) else len(repr(value))

    def _member(self, name: str, value: Any, pointer: str, place: str) -> int:
        return len(name) + 4 + self._part(value, name, pointer, joined(place, name))

    def _part(self, value: Any, name: str, pointer: str, like: str) -> int:
        if isinstance(value, str) and (count := numbers_cut(value, self._quoting.gap)):
            size = self._quoting.length(value) - count
            self.count += count
            self._place(like).add_numbers(count, size)
            return size + count - 1
        inner = joined(pointer, name) if value and isinstance(value, dict | list) else ""
        size = self._size(value, inner, like)
        self._add(like, size, pointer, name, value)
        return size

    def _add(self, place: str, size: int, pointer: str, name: str | None, value: Any) -> None:
        self.count += 1
        self._place(place).add(size, pointer, name, value)

    def _place(self, place: str) -> Place:
        if (known := self.places.get(place)) is None:
            if len(self.places) >= MOST_PLACES:
                self._drop()
            known = self.places[place] = Place()
        return known

    def _drop(self) -> None:
        kept = heapq.nlargest(MOST_PLACES // 2, self.places.items(), key=lambda held: held[1].size)
        self.dropped += len(self.places) - len(kept)
        self.places = dict(kept)


def _kind(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{'object' if isinstance(value, dict) else 'array'} of {len(as_list(value) or as_object(value)):,}"
    return _NAMES[type(value)]
