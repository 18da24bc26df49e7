"""User-supplied regular expressions, run by RE2 in linear time."""

from importlib import import_module
from typing import Any

LARGEST = 2000
"""Maximum size of a compiled expression in RE2 instructions, so that a body is scanned in a fraction of a second."""


def linear(regex: str) -> Any:
    """Return a regular expression compiled by RE2.

    Raises:
        ValueError: it is invalid, too large or matches everywhere; the message continues the sentence that names it.

    """
    re2: Any = import_module("re2")
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(regex, options)
    except re2.error as error:
        why = error.args[0].decode(errors="replace")
        raise ValueError(f"is not valid: {why}. Use RE2 syntax: no look-around, no \\1.") from None
    if pattern.programsize > LARGEST:
        raise ValueError("is too large: use smaller repetitions.")
    if pattern.search(""):
        raise ValueError("matches empty text, so it matches everywhere: require at least one character.")
    return pattern
