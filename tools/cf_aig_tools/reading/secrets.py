"""What secrets look like: a literal in each, the shape from there on, and what they go on with.

Shapes are bounded, so that a text in parts is read like a whole one; a secret goes on for as long as `rest` does.
They are matched against the text unveiled: without invisible characters, its escapes resolved.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

REACH = 400
"""Characters after its literal that a shape may look at."""

AHEAD = 128
"""Characters that may stand between its literal and what is hidden."""

BEHIND = 8
"""Characters before its literal that a shape may look at."""

FREE = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"
"""Where a key may begin."""

ALONE = r"(?:(?<![A-Za-z0-9_-])|(?<=-----)|(?<=%[0-9A-Fa-f]{2}))"
"""Where a key may begin whose first letters stand in any long text of base64url."""

APART = r"(?:(?<![A-Za-z0-9_+-])|(?<=-----)|(?<=%[0-9A-Fa-f]{2}))"
"""Where a key may begin whose first letters stand in any long text of base64."""


def _anything(_: str) -> bool:
    return True


@dataclass(frozen=True)
class Secret:
    """One kind: its group in `shape` is what is hidden, with all of `rest` that follows, if the group `holds`.

    `before`, `hint` and `more` are expressions of RE2: a stored text holds one after the other wherever the shape
    begins in what that text says, whose quotes may be escaped there. The hint is short: the shape is looked for there.
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
        """What finds the shape; compiled when a text has the literal."""
        return re.compile(self.shape)

    @cached_property
    def goes_on(self) -> re.Pattern[str]:
        """What finds the rest."""
        return re.compile(self.rest)


def many(letters: str, least: int) -> str:
    """Return the shape of so many letters, or of fewer where the text was cut off."""
    return rf"(?:{letters}{{{least}}}|(?={letters}{{0,64}}[0-9]){letters}{{8,}}\Z)"
