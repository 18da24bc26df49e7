"""What one check of `doctor` found."""

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """One line of `doctor`: whether it needs fixing, what it is about, and what was found."""

    mark: Literal["ok", "note", "fix"]
    subject: str
    said: str
