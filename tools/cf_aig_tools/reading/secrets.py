"""What secrets look like: a literal, the shape that follows it, and how the secret continues.

Shapes have bounded length, so a text in parts is read like a whole one; a secret continues as long as `rest` matches.
Shapes are matched against the unveiled text: without invisible characters and with escapes decoded.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

REACH = 400
"""Characters after its literal that a shape may use."""

AHEAD = 128
"""Characters allowed between the literal and the hidden value."""

BEHIND = 8
"""Characters before its literal that a shape may use."""

FREE = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"
"""Where a key may begin."""

ALONE = r"(?:(?<![A-Za-z0-9_-])|(?<=-----)|(?<=%[0-9A-Fa-f]{2}))"
"""Where a key may begin if its first letters occur in any long base64url text."""

APART = r"(?:(?<![A-Za-z0-9_+-])|(?<=-----)|(?<=%[0-9A-Fa-f]{2}))"
"""Where a key may begin if its first letters occur in any long base64 text."""


def _anything(_: str) -> bool:
    return True


@dataclass(frozen=True)
class Secret:
    """One kind of secret. Its group in `shape`, and all of `rest` that follows, is hidden if the group `holds`.

    `before`, `hint` and `more` are RE2 expressions. A stored text contains them in this order wherever the shape begins
    in its decoded form, where quotes may be escaped. The hint is short, and the shape is searched for around it.
    """

    kind: str
    literal: str
    shape: str
    rest: str = r"[A-Za-z0-9_-]*"
    hint: str = ""
    more: str = ""
    holds: Callable[[str], bool] = _anything
    before: str = ""

    @cached_property
    def begins(self) -> re.Pattern[str]:
        """The compiled shape, built when a text first contains the literal."""
        return re.compile(self.shape)

    @cached_property
    def goes_on(self) -> re.Pattern[str]:
        """The compiled rest."""
        return re.compile(self.rest)


def many(letters: str, least: int) -> str:
    """Return a pattern for this many letters, or fewer if the text was truncated."""
    return rf"(?:{letters}{{{least}}}|(?={letters}{{0,64}}[0-9]){letters}{{8,}}\Z)"
