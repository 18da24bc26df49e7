"""What an operator masks besides, and shows nevertheless: regular expressions in a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cf_aig_tools.reading.linear import linear
from cf_aig_tools.reading.secrets import BEHIND, REACH

ALLOW = "allow:"


@dataclass(frozen=True)
class OwnSecrets:
    """Expressions of what is masked, and of values that are shown though they look like secrets."""

    patterns: tuple[Any, ...] = ()
    allowed: tuple[Any, ...] = ()

    def may_be_in(self, text: str) -> bool:
        """Whether a stored text may hold one: where it has escapes, its lines and quotes are not what it says."""
        return bool(self.patterns) and ("\\" in text or any(pattern.search(text) for pattern in self.patterns))

    def found(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield from where to where each is that begins between two places; REACH characters of one are looked at."""
        for pattern in self.patterns:
            for block in range(start, end, REACH):
                yield from _in_block(pattern, text, block, min(end, block + REACH))

    def allows(self, value: str) -> bool:
        """Whether a value is shown."""
        return any(pattern.fullmatch(value) for pattern in self.allowed)


def _in_block(pattern: Any, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where a pattern matches that begins in a part of a text, of which no more is read than it may reach."""
    first = max(0, start - BEHIND)
    part, place = text[first : end + REACH], start - first
    while (found := pattern.search(part, place)) and found.start() < end - first:
        begin = found.start()
        within = found if found.end() <= begin + REACH else pattern.match(part, begin, begin + REACH)
        if within and within.end() > begin:
            yield first + begin, first + within.end()
        place = within.end() if within and within.end() > begin else begin + 1


def own_secrets(file: Path | None) -> OwnSecrets:
    """Read the lines of a file: a regular expression each; after `allow:`, one of whole values that are shown.

    Blank lines, and lines that begin with `#`, say nothing. In an expression `^` and `$` are the ends of a line.

    Raises:
        ValueError: a line is no expression, or none that is read in linear time; or the file is no UTF-8.
        OSError: the file cannot be read.

    """
    patterns, allowed = list[Any](), list[Any]()
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines() if file else (), 1):
        regex = line.strip()
        if not regex or regex.startswith("#"):
            continue
        kept = allowed if regex.startswith(ALLOW) else patterns
        try:
            kept.append(linear("(?m)" + regex.removeprefix(ALLOW).strip()))
        except ValueError as error:
            raise ValueError(f"line {number} {error}") from None
    return OwnSecrets(tuple(patterns), tuple(allowed))
