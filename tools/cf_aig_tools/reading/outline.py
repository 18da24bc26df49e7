"""A JSON value as a tree of paths, types and sizes, largest first: where the bytes are."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cf_aig_gateway.formats.content import as_json
from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_tools.reading.delivery import delivered
from cf_aig_tools.reading.pointers import joined
from cf_aig_tools.reading.quoting import Quoting

FEW = 4
"""Parts at like places that are still told one by one."""

TOLD = 60
"""Characters of a text or number that is told instead of its size."""


@dataclass(frozen=True)
class Part:
    """One part of a value: its size in characters, where it stands, what it is, and all it says when that is little."""

    size: int
    pointer: str
    kind: str
    value: str = ""


def outline(value: Any, quoting: Quoting, budget: int, pointer: str = "") -> str:
    """Return the largest parts of a value, as many as fit; parts at like places of an array are told together."""
    places: dict[str, list[Part]] = {}
    total = _measure(quoting.masked(value), pointer, pointer, quoting, places)
    told = [line for place, held in places.items() for line in _told(place, held, quoting)]
    largest = heapq.nlargest(budget // 4, told, key=lambda line: line[0])
    lines = [f"{quoting.place(where) or '(whole)'}  {what}" for _, where, what in largest]
    count = sum(map(len, places.values()))
    lead = f"{count:,} parts, {total:,} characters of JSON; pointer, type and size, largest first."
    return delivered(lead, lines, lambda shown: _left_out(len(told), shown), budget)


def _told(place: str, held: list[Part], quoting: Quoting) -> list[tuple[int, str, str]]:
    """Return lines for the parts at one place: size, pointer (`*` for any number), and what they are."""
    if len(held) <= FEW:
        return [(part.size, part.pointer, part.value or f"{part.kind}, {part.size:,} characters") for part in held]
    size = sum(part.size for part in held)
    kinds = {part.kind.partition(" ")[0] for part in held}
    what = f"{len(held):,} {kinds.pop() if len(kinds) == 1 else 'part'}s, {size:,} characters"
    first, second = heapq.nlargest(2, held, key=lambda part: part.size)
    most = (
        f"; largest {quoting.place(first.pointer)}, {first.size:,}"
        if first.size > second.size
        else f" ({first.size:,} at most)"
    )
    return [(size, place, what + most)]


def _left_out(lines: int, shown: int) -> str:
    return f'Left out: {lines - shown:,} smaller parts. pointer="…" with view="outline" shows those of one part.' * (
        shown < lines
    )


def _measure(value: Any, pointer: str, place: str, quoting: Quoting, places: dict[str, list[Part]]) -> int:
    """Add a value and its parts to those at their places; return its size."""
    listed = places.setdefault(place, [])
    number = len(listed)
    listed.append(Part(0, pointer, ""))
    if isinstance(value, str):
        size = quoting.length(value) + 2
    elif isinstance(value, dict | list):
        size = _measure_parts(value, pointer, place, quoting, places)
    else:
        size = len(as_json(value))
    is_told = size <= TOLD and not isinstance(value, dict | list)
    listed[number] = Part(size, pointer, _kind(value), quoting.short(as_json(value), TOLD) if is_told else "")
    return size


def _measure_parts(value: Any, pointer: str, place: str, quoting: Quoting, places: dict[str, list[Part]]) -> int:
    size = 1
    for name, part in parts(value):
        like = joined(place, "*" if isinstance(value, list) else name)
        size += 1 + _measure(part, joined(pointer, name), like, quoting, places)
        size += len(name) + 3 if isinstance(value, dict) else 0
    return max(size, 2)


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of an object or an array, each with its name or number."""
    yield from as_object(value).items()
    yield from ((str(number), part) for number, part in enumerate(as_list(value)))


def _kind(value: Any) -> str:
    match value:
        case dict():
            return f"object of {len(as_object(value)):,}"
        case list():
            return f"array of {len(as_list(value)):,}"
        case str():
            return "string"
        case bool() | None:
            return "constant"
        case _:
            return "number"
