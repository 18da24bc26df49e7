"""Reads JSON text as a stream, keeping the newest part whole and little of older long strings and number runs."""

import re
import secrets
from collections import deque
from string import ascii_letters, digits
from typing import Any

from cf_aig_gateway.json_text import BOM
from cf_aig_tools.reading.loading import PIECE, load

HEAD = 300
"""Bytes kept of a long string in the older part."""

RUN = 160
"""Numbers in a row, in the older part, that are dropped and counted: they take more memory than any string kept whole.
"""

# Atomic groups: before Python 3.11.5, a possessive group ends inside an iteration that failed.
_SHORT = re.compile(rb'(?>(?:[^"]++|"[^"\\]{0,300}+")*)')
_WHOLE_CHARACTERS = re.compile(
    rb'(?>(?:[^"\\\x80-\xff]++|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|\\[^u]'
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?![dD][89abAB])[0-9a-fA-F]{4})*)"
)
_NUMBERS = re.compile(rb"([\[,\s])((?>(?:-?[0-9][0-9.eE+-]*+[ \t\r\n]*+,[ \t\r\n]*+){%d,}))" % RUN)
_BLANK = b" \t\r\n"

_MARK = f"⟦{secrets.token_hex(8)}:"
"""How a cut begins: unknown to who writes bodies, and never shown. One serves all: a new expression costs 0.3 ms."""

_GAP = re.compile(re.escape(_MARK) + r"(\d+)(?::(\d+))?⟧")
CONTINUATION = bytes(range(0x80, 0xC0))
OF_WORDS = (ascii_letters + digits + "_.+/=~:@-").encode()


class Skeleton:
    """Takes the chunks of a JSON text and returns its value with long strings cut; `gap` finds the cuts.

    A run of RUN or more numbers becomes one string, which counts as a cut. The last `recent` bytes are kept whole.
    """

    def __init__(self, recent: int) -> None:
        self._most_recent = recent
        self.gap = _GAP
        self._kept = bytearray()
        self._recent: deque[bytes] = deque()
        self._waiting = 0
        self._rest = b""
        self._string: _String | None = None

    def add(self, chunk: bytes) -> None:
        """Take the next chunk."""
        for start in range(0, len(chunk), PIECE):
            self._recent.append(chunk[start : start + PIECE])
        self._waiting += len(chunk)
        while self._waiting - len(self._recent[0]) >= self._most_recent:
            oldest = self._recent.popleft()
            self._waiting -= len(oldest)
            self._shorten(oldest)

    def value(self) -> Any:
        """Return the value.

        Raises:
            ValueError: it is not JSON, or has too many values.
            RecursionError: it is nested too deeply.

        """
        if self._string is not None:
            self._kept += self._string.shortened()
        self._kept += self._rest
        for chunk in self._recent:
            self._kept += chunk
        self._recent.clear()
        text = bytes(self._kept).removeprefix(BOM).decode("utf-8", "surrogateescape")
        self._kept.clear()
        return load(text)

    def _shorten(self, chunk: bytes) -> None:
        data = self._rest + chunk
        data, self._rest = _unbroken(data)
        unescaped = _without_escapes(data)
        at = 0
        while at < len(data):
            if self._string is None:
                at = self._structure(data, at)
            else:
                end = unescaped.find(b'"', at)
                at = self._inside(data, at, end if end >= 0 else len(data), self._string)

    def _structure(self, data: bytes, at: int) -> int:
        end = _end(_SHORT, data, at)
        self._kept += _NUMBERS.sub(self._counted, data[at : end + 1])
        if end < len(data):
            self._string = _String()
        return end + 1

    def _counted(self, run: re.Match[bytes]) -> bytes:
        numbers = run[2].translate(None, _BLANK)
        return run[1] + f'"{_MARK}{len(numbers)}:{numbers.count(b",")}⟧",'.encode()

    def _inside(self, data: bytes, at: int, end: int, string: "_String") -> int:
        string.add(data[at:end])
        if end < len(data):
            self._kept += string.shortened() + b'"'
            self._string = None
        return end + 1


class _String:
    """A JSON string as it passes: its beginning, and how much followed."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._size = 0
        self._later = 0

    def add(self, part: bytes) -> None:
        if room := max(0, 2 * HEAD - len(self._head)):
            self._head += part[:room]
        self._later += _characters(part[room:])

    def shortened(self) -> bytes:
        if not self._later and len(self._head) <= HEAD:
            return bytes(self._head)
        head = bytes(self._head[:HEAD]).rstrip(OF_WORDS)
        head = head[: _end(_WHOLE_CHARACTERS, head, 0)]
        left_out = _characters(bytes(self._head[len(head) :])) + self._later
        return head + f"{_MARK}{left_out}⟧".encode()


def _end(shape: re.Pattern[bytes], data: bytes, at: int) -> int:
    found = shape.match(data, at)
    return found.end() if found else at


def _without_escapes(data: bytes) -> bytes:
    """Return as many bytes as end outside an escape, so that every quote begins or ends a string."""
    return data.replace(b"\\\\", b"..").replace(b'\\"', b"..")


def _unbroken(data: bytes) -> tuple[bytes, bytes]:
    r"""Split off the `\` of an escape whose letter is in the next chunk."""
    slashes = len(data) - len(data.rstrip(b"\\"))
    return (data[:-1], data[-1:]) if slashes % 2 else (data, b"")


def _characters(part: bytes) -> int:
    """Count the characters that begin in a part of UTF-8."""
    return len(part.lstrip(CONTINUATION).decode("utf-8", "replace"))
