"""A JSON value as a tree of paths, types and sizes, largest first: where the bytes are."""

import heapq
from collections.abc import Iterator
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_tools.reading.content import as_json
from cf_aig_tools.reading.delivery import delivered
from cf_aig_tools.reading.pointers import joined
from cf_aig_tools.reading.quoting import Quoting

Node = tuple[int, str, str]
"""Characters, pointer, and type."""


def outline(value: Any, quoting: Quoting, budget: int, pointer: str = "") -> str:
    """Return the largest parts of a value, as many as fit."""
    nodes: list[Node] = []
    total = _measure(value, pointer, quoting, nodes)
    largest = heapq.nlargest(budget // 4, nodes, key=lambda node: node[0])
    lines = [f"{quoting.short(path, 200) or '(whole)'}  {kind}, {size:,} characters" for size, path, kind in largest]
    lead = f"{len(nodes):,} parts, {total:,} characters of JSON; pointer, type and size, largest first."
    return delivered(lead, lines, lambda shown: _left_out(len(nodes), shown), budget)


def _left_out(parts: int, shown: int) -> str:
    return f'Left out: {parts - shown:,} smaller parts. pointer="…" with view="outline" shows those of one part.' * (
        shown < parts
    )


def _measure(value: Any, pointer: str, quoting: Quoting, nodes: list[Node]) -> int:
    """Add a value and its parts to the nodes; return its size."""
    place = len(nodes)
    nodes.append((0, pointer, _kind(value)))
    if isinstance(value, str):
        size = quoting.length(value) + 2
    elif isinstance(value, dict | list):
        held = [(name, _measure(part, joined(pointer, name), quoting, nodes)) for name, part in parts(value)]
        names = sum(len(name) + 3 for name, _ in held) if isinstance(value, dict) else 0
        size = names + sum(size + 1 for _, size in held) + (1 if held else 2)
    else:
        size = len(as_json(value))
    nodes[place] = (size, pointer, _kind(value))
    return size


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
