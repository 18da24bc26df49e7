"""JSON pointers (RFC 6901) to parts of a value."""

import re
from typing import Any

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.shapes import as_list, as_object

_MOST_NAMES = 8
_PLAIN = re.compile(r"[\w/.~-]{0,120}")
"""Pointers that contain only positions; others contain untrusted words."""


def named(pointer: str) -> str:
    """Return the argument that points there, or a description if the pointer may contain untrusted words."""
    return f'pointer="{pointer}"' if _PLAIN.fullmatch(pointer) else "the pointer above"


def joined(pointer: str, name: str) -> str:
    """Return the pointer to the member with that name."""
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"


def at(value: Any, pointer: str) -> Any:
    """Return the part of a value at a pointer.

    Raises:
        GatewayError: there is none; the message names the nearest existing part.

    """
    if pointer and not pointer.startswith("/"):
        raise GatewayError(f'A pointer begins with a slash: pointer="/{pointer[:80]}".')
    reached = ""
    for name in (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]):
        held, found = _step(value, name)
        if not found:
            nearest = f'pointer="{reached[:80]}", {_described(value)}'
            raise GatewayError(f"There is nothing at {pointer[:80]}. The nearest is {nearest}.")
        value, reached = held, joined(reached, name)
    return value


def _step(value: Any, name: str) -> tuple[Any, bool]:
    if isinstance(value, dict):
        return as_object(value).get(name), name in value
    items = as_list(value)
    if name.isascii() and name.isdigit() and len(name) < 10 and int(name) < len(items):
        return items[int(name)], True
    return None, False


def _described(value: Any) -> str:
    if isinstance(value, dict):
        names = [name for name in as_object(value) if _PLAIN.fullmatch(name)]
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"an object of {', '.join(name[:40] for name in names[:_MOST_NAMES])}{more}"
    if isinstance(value, list):
        return f"an array of {len(as_list(value))}, numbered from 0"
    return "which has no parts"
