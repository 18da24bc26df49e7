"""Assembles replies that arrive in fragments, in linear time."""

from collections.abc import Set
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object


class Fragments(list[str]):
    """A text whose parts are still arriving; `grown` joins them once."""


def append(held: dict[str, Any], name: str, text: Any) -> None:
    """Append to the text of that name."""
    if not isinstance(text, str):
        return
    fragments = held.get(name)
    if not isinstance(fragments, Fragments):
        fragments = held[name] = Fragments([fragments] if isinstance(fragments, str) else [])
    fragments.append(text)


def merge(held: dict[str, Any], delta: dict[str, Any], texts: Set[str]) -> None:
    """Merge a delta: texts of those names are appended, everything else is replaced or merged.

    Items of a list go where their `index` says; those without one are added.
    """
    for name, value in delta.items():
        if isinstance(value, str) and name in texts:
            append(held, name, value)
        elif isinstance(value, dict):
            merge(inner(held, name), as_object(value), texts)
        elif isinstance(value, list):
            _merge_items(items(held, name), as_list(value), texts)
        elif value is not None or name not in held:
            held[name] = value


def _merge_items(held: list[Any], delta: list[Any], texts: Set[str]) -> None:
    for item in delta:
        index = as_object(item).get("index")
        if not isinstance(item, dict):
            held.append(item)
        elif isinstance(index, int):
            merge(at(held, index), as_object(item), texts)
        else:
            held.append({})
            merge(held[-1], as_object(item), texts)


MOST_ITEMS = 1024
"""The most items of a list that are assembled; further ones are dropped."""


def at(held: list[Any], index: Any) -> dict[str, Any]:
    """Return the object with that `index`. A new one is added, up to MOST_ITEMS."""
    for item in reversed(held):
        if as_object(item).get("index") == index:
            return item
    if len(held) >= MOST_ITEMS:
        return {}
    held.append({"index": index})
    return held[-1]


def inner(held: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the object of that name; create it if missing."""
    if not isinstance(held.get(name), dict):
        held[name] = {}
    return held[name]


def items(held: dict[str, Any], name: str) -> list[Any]:
    """Return the list of that name; create it if missing."""
    if not isinstance(held.get(name), list) or isinstance(held.get(name), Fragments):
        held[name] = []
    return held[name]


def grown(value: Any) -> Any:
    """Return a value with its fragments joined."""
    if isinstance(value, Fragments):
        return "".join(value)
    if isinstance(value, list):
        return [grown(item) for item in as_list(value)]
    if isinstance(value, dict):
        return {name: grown(held) for name, held in as_object(value).items()}
    return value
