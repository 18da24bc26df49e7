"""The operator's file of regular expressions: what else to mask, and what not to mask."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cf_aig_tools.reading.linear import linear
from cf_aig_tools.reading.secrets import BEHIND, REACH

ALLOW = "allow:"


@dataclass(frozen=True)
class OwnSecrets:
    """Expressions for additional secrets, and for values to show although they look like secrets."""

    patterns: tuple[Any, ...] = ()
    allowed: tuple[Any, ...] = ()

    def may_be_in(self, text: str) -> bool:
        """Whether a stored text may contain one: escapes can hide lines and quotes."""
        return bool(self.patterns) and ("\\" in text or any(pattern.search(text) for pattern in self.patterns))

    def found(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each match that begins between two positions; a match has at most REACH."""
        for pattern in self.patterns:
            for block in range(start, end, REACH):
                yield from _in_block(pattern, text, block, min(end, block + REACH))

    def allows(self, value: str) -> bool:
        """Whether a value may be shown."""
        return any(pattern.fullmatch(value) for pattern in self.allowed)


def _in_block(pattern: Any, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield each match that begins in a part of a text, reading no further than its maximum length."""
    first = max(0, start - BEHIND)
    part, place = text[first : end + REACH], start - first
    while (found := pattern.search(part, place)) and found.start() < end - first:
        begin = found.start()
        within = found if found.end() <= begin + REACH else pattern.match(part, begin, begin + REACH)
        if within and within.end() > begin:
            yield first + begin, first + within.end()
        place = within.end() if within and within.end() > begin else begin + 1


def own_secrets(file: Path | None) -> OwnSecrets:
    """Read a file with one regular expression per line.

    Lines after `allow:` match whole values to show. Blank lines and lines that begin with `#` are ignored. In an
    expression, `^` and `$` match the ends of a line.

    Raises:
        ValueError: a line is not a linear-time expression, or the file is not UTF-8.
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
