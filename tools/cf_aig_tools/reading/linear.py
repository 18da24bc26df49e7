"""Regular expressions that others give, read by RE2: no expression and no text takes exponential time."""

from importlib import import_module
from typing import Any

LARGEST = 2000
"""Instructions of the largest regular expression: a body is looked through in a fraction of a second."""


def linear(regex: str) -> Any:
    """Return a regular expression as RE2 reads it.

    Raises:
        ValueError: it is not one, is too large, or matches everywhere; the text goes on after what it is called.

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
