"""Finds where two JSON values differ."""

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import chain
from typing import Any

from cf_aig_gateway.formats.content import as_json
from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_tools.reading.pointers import joined

Difference = tuple[str, str, str]
"""A location, and the value there on each side; empty if there is none."""

Named = dict[str, tuple[int, Any]]

LARGEST = 2000
"""Longest list compared as a sequence; items of longer lists are paired by index."""


class Missing:
    """Stands for a missing value."""


MISSING = Missing()


def differences(one: Any, other: Any, pointer: str = "", inside: str = "") -> Iterator[Difference]:
    """Yield each difference between two values, with a pointer; `inside` is the nearest enclosing name.

    List items are matched by name, as for tools, or else in order.
    """
    if one is MISSING or other is MISSING:
        yield _place(pointer, inside), _written(one), _written(other)
    elif isinstance(one, dict) and isinstance(other, dict):
        first, second = as_object(one), as_object(other)
        for name in chain(first, (name for name in second if name not in first)):
            yield from differences(first.get(name, MISSING), second.get(name, MISSING), joined(pointer, name), inside)
    elif isinstance(one, list) and isinstance(other, list):
        yield from _items(as_list(one), as_list(other), pointer, inside)
    elif one != other or isinstance(one, bool) != isinstance(other, bool):
        yield _place(pointer, inside), _written(one), _written(other)


def without(value: Any, places: Iterable[str]) -> Any:
    """Return a value without the parts at these pointers; list items keep their index."""
    left_out = frozenset(places)
    return _without(value, "", left_out, frozenset(_around(left_out)))


def _around(places: Iterable[str]) -> Iterator[str]:
    """Yield the pointers to every container of one of these places."""
    for place in places:
        yield from (place[: slash.start()] for slash in re.finditer("/", place))


def _without(value: Any, pointer: str, places: frozenset[str], around: frozenset[str]) -> Any:
    if pointer in places:
        return MISSING
    if pointer not in around:
        return value
    if isinstance(value, list):
        items = [_without(item, f"{pointer}/{number}", places, around) for number, item in enumerate(as_list(value))]
        is_empty = all(item is MISSING for item in items)
        return [] if is_empty else [None if item is MISSING else item for item in items]
    held = {name: _without(item, joined(pointer, name), places, around) for name, item in as_object(value).items()}
    return {name: item for name, item in held.items() if item is not MISSING}


def _place(pointer: str, inside: str) -> str:
    return f"{pointer} ({inside})" if inside else pointer


def _written(value: Any) -> str:
    if value is MISSING:
        return ""
    return value if isinstance(value, str) and value else as_json(value)


def _items(one: list[Any], other: list[Any], pointer: str, inside: str) -> Iterator[Difference]:
    named, others = _named(one), _named(other)
    if named and others:
        yield from _by_name(named, others, pointer)
    elif len(one) == len(other) or max(len(one), len(other)) > LARGEST:
        for number in range(max(len(one), len(other))):
            first, second = (items[number] if number < len(items) else MISSING for items in (one, other))
            yield from differences(first, second, f"{pointer}/{number}", inside)
    else:
        yield from _in_order(one, other, pointer, inside)


def _by_name(one: Named, other: Named, pointer: str) -> Iterator[Difference]:
    orders = [name for name in one if name in other], [name for name in other if name in one]
    if orders[0] != orders[1]:
        yield f"{pointer} (order)", ", ".join(orders[0]), ", ".join(orders[1])
    for name in dict.fromkeys([*one, *other]):
        number, _ = one.get(name) or other[name]
        (_, first), (_, second) = (items.get(name, (0, MISSING)) for items in (one, other))
        yield from differences(first, second, f"{pointer}/{number}", name)


def _in_order(one: list[Any], other: list[Any], pointer: str, inside: str) -> Iterator[Difference]:
    first, second = ([as_json(item) for item in items] for items in (one, other))
    for kind, start, end, begin, stop in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for step in range(max(end - start, stop - begin)):
            here = one[start + step] if start + step < end else MISSING
            there = other[begin + step] if begin + step < stop else MISSING
            number = start + step if here is not MISSING else begin + step
            yield from differences(here, there, f"{pointer}/{number}", inside)


def _named(items: list[Any]) -> Named:
    """Return a list's items by name with their index (tools by function name); empty if any item has no name."""
    found: Named = {}
    for number, item in enumerate(items):
        held = as_object(item)
        function = as_object(held.get("function")) or as_object(held.get("toolSpec")) or held
        name = as_text(function.get("name"))
        if not name or name in found:
            return {}
        found[name] = number, item
    return found
