"""Replies that arrive in fragments, put together in time that grows with what arrives."""

from collections.abc import Set
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object


class Fragments(list[str]):
    """A text whose parts are still coming: joined once, by `grown`."""


def append(held: dict[str, Any], name: str, text: Any) -> None:
    """Add to the text of that name."""
    if not isinstance(text, str):
        return
    fragments = held.get(name)
    if not isinstance(fragments, Fragments):
        fragments = held[name] = Fragments([fragments] if isinstance(fragments, str) else [])
    fragments.append(text)


def merge(held: dict[str, Any], delta: dict[str, Any], texts: Set[str]) -> None:
    """Add a delta to what is held: the texts of those names are appended to, all else is replaced or merged.

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
"""Items of a list that are put together; what comes for others is left out."""


def at(held: list[Any], index: Any) -> dict[str, Any]:
    """Return the object whose `index` that is; it is added when it is new, up to MOST_ITEMS."""
    for item in reversed(held):
        if as_object(item).get("index") == index:
            return item
    if len(held) >= MOST_ITEMS:
        return {}
    held.append({"index": index})
    return held[-1]


def inner(held: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the object of that name, which is made when there is none."""
    if not isinstance(held.get(name), dict):
        held[name] = {}
    return held[name]


def items(held: dict[str, Any], name: str) -> list[Any]:
    """Return the list of that name, which is made when there is none."""
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
