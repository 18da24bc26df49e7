"""Reads untrusted JSON: strictly, or with whatever UTF-8 can't encode replaced."""

import json
import re
from typing import Any

from pydantic_core import from_json, to_json

BOM = b"\xef\xbb\xbf"
"""The byte order mark, which Windows shells write first."""

REPLACEMENT = "\ufffd"

DEEPEST = 250
"""Maximum nesting of a body or event: functions that walk one take up to three frames for each level."""

_HALF = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


ESCAPES = re.compile(r'(?:\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]))+')
"""Consecutive escapes in a JSON string."""


def meant(escapes: str) -> str:
    """Return the characters that matched escapes stand for."""
    return json.loads(f'"{escapes}"')


def read_json(text: bytes | str) -> Any:
    """Return the value of a JSON text; None if it isn't JSON, contains NaN or half a character, or is nested 200 deep.

    A number beyond the largest double becomes infinity, as in JavaScript.
    """
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        return None


def load_json(text: bytes | str) -> Any:
    r"""Return the value of a JSON text, with U+FFFD for half characters such as `"\ud800"`.

    Raises:
        ValueError: it is not JSON, or is nested 200 deep.

    """
    return from_json(mended(text.encode("utf-8", "replace") if isinstance(text, str) else text))


def shallow(text: bytes | str, value: Any) -> Any:
    """Return the value of a JSON text unless it is nested too deeply.

    Raises:
        RecursionError: it has more than DEEPEST levels.

    """
    if len(text) <= 2 * DEEPEST:
        return value
    level: list[Any] = [[value]]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = [held.values() if isinstance(held, dict) else held for held in level]  # pyright: ignore[reportUnknownMemberType]
        level = [held for members in inner for held in members if isinstance(held, dict | list)]
        if not level:
            return value
    raise RecursionError("JSON is nested too deeply")


def write_json(value: Any) -> bytes:
    """Return the compact JSON of a value. Infinity becomes null, as in JavaScript."""
    return to_json(value, inf_nan_mode="null")


def mended(text: bytes) -> bytes:
    """Return JSON text without a byte order mark, and with U+FFFD for each escape that is half a surrogate pair.

    JSON may contain half a character (RFC 8259, section 8.2), UTF-8 may not: writing it out again would fail.
    """
    text = text.removeprefix(BOM)
    if b"\\ud" not in text and b"\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], text)


def whole(value: Any) -> Any:
    """Return a JSON value with U+FFFD in place of each half character in its texts and keys."""
    if isinstance(value, str):
        return _HALF.sub(REPLACEMENT, value)
    if isinstance(value, list):
        return [whole(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {whole(key): whole(held) for key, held in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value
