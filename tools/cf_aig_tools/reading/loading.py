"""Parses a large JSON text piece by piece, so that its thread never blocks others for long."""

import json
import re
from typing import Any

from cf_aig_gateway.json_text import DEEPEST, shallow
from cf_aig_gateway.shapes import as_list, as_object

PIECE = 1 << 16
"""Characters parsed in one go, which takes a few milliseconds."""

AT_ONCE = 1 << 18
"""Characters that Python's own parser handles in at most 20 ms, whatever they contain."""

LONGEST = 5000
"""Maximum characters of a number; Python's parser has the same limit."""

MOST = 1_500_000
"""Maximum values of a text that is parsed, where an array or object counts as CONTAINER: at most 100 MB."""

CONTAINER = 20
"""Python's garbage collector scans all arrays and objects now and then, while every thread waits."""

# Atomic groups: before Python 3.11.5, a possessive group ends inside an iteration that failed.
_STRING = r'"(?>(?:[^"\\]+|\\.)*)"'
_FLAT = rf'[\[{{](?>(?:[^\[\]{{}}"]+|{_STRING})*)[\]}}]'
_LOW = rf'[\[{{](?>(?:[^\[\]{{}}"]+|{_STRING}|{_FLAT})*)[\]}}]'
_MEMBERS = re.compile(rf'(?>(?:(?>(?:[^\[\]{{}}",]+|{_STRING}|{_LOW})+),)+)', re.DOTALL)
"""Members of an array or object with small values, each with the following comma."""
_STRINGS = re.compile(_STRING, re.DOTALL)
_SCALAR = re.compile(r"[-+.\w]+")
_BLANK = re.compile(r"[ \t\n\r]*")
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_INSIDE = re.compile(r'(?>(?:[^"\\]+|\\u[0-9a-fA-F]{4}|\\[^u])*)', re.DOTALL)
_HIGH = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_CLOSING = {"[": "]", "{": "}"}


class TooMany(ValueError):
    """The JSON text contains too many values to parse."""


def load(text: str) -> Any:
    """Return the value of a JSON text like `json.loads`, but allowing control characters.

    Raises:
        ValueError: it is not JSON; TooMany if it has too many values.
        RecursionError: it is nested too deeply.

    """
    return shallow(text, json.loads(text, strict=False)) if len(text) <= AT_ONCE else _Reader(text).value()


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def written(value: Any) -> str:
    """Return a value as compact JSON, serialized in parts."""
    return "".join(_ENCODER.iterencode(value))


class _Reader:
    """Parses one text: members with small values in batches, others one at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._room = MOST
        self._open: list[tuple[Any, str]] = []

    def value(self) -> Any:
        self._skip()
        value = self._begun()
        while self._open:
            self._go_on()
        self._skip()
        if self._at < len(self._text):
            raise self._wrong()
        return value

    def _go_on(self) -> None:
        """Parse the next members of the innermost container, or its end."""
        holder, closing = self._open[-1]
        if members := _MEMBERS.match(self._text, self._at, self._at + PIECE):
            self._take(holder, members[0][:-1])
            self._at = members.end()
        self._skip()
        name = self._name() if isinstance(holder, dict) else ""
        depth = len(self._open)
        value = self._begun()
        if isinstance(holder, dict):
            holder[name] = value
        else:
            holder.append(value)
        if len(self._open) == depth:
            self._after(closing)

    def _take(self, holder: Any, members: str) -> None:
        if members.isspace():
            raise self._wrong()
        self._count(members)
        if isinstance(holder, dict):
            as_object(holder).update(json.loads(f"{{{members}}}", strict=False))
        else:
            as_list(holder).extend(json.loads(f"[{members}]", strict=False))

    def _begun(self) -> Any:
        """Parse a value; for a non-empty array or object, only its start."""
        sign = self._text[self._at : self._at + 1]
        if sign == '"':
            return self._string()
        if sign not in _CLOSING:
            return self._scalar()
        self._spend(CONTAINER)
        self._at += 1
        self._skip()
        holder: Any = {} if sign == "{" else []
        if self._text.startswith(_CLOSING[sign], self._at):
            self._at += 1
            return holder
        if len(self._open) >= DEEPEST:
            raise RecursionError("JSON is nested too deeply")
        self._open.append((holder, _CLOSING[sign]))
        return holder

    def _after(self, closing: str) -> None:
        """Skip what follows a member: a comma, or the ends of open containers."""
        self._skip()
        while self._text.startswith(closing, self._at):
            self._at += 1
            self._open.pop()
            if not self._open:
                return
            closing = self._open[-1][1]
            self._skip()
        if not self._text.startswith(",", self._at):
            raise self._wrong()
        self._at += 1

    def _name(self) -> str:
        if not self._text.startswith('"', self._at):
            raise self._wrong()
        name = self._string()
        if not (colon := _COLON.match(self._text, self._at)):
            raise self._wrong()
        self._at = colon.end()
        return name

    def _scalar(self) -> Any:
        found = _SCALAR.match(self._text, self._at, self._at + LONGEST)
        if not found:
            raise self._wrong()
        self._spend(1)
        self._at = found.end()
        return json.loads(found[0])

    def _string(self) -> str:
        self._spend(1)
        if found := _STRINGS.match(self._text, self._at, self._at + PIECE):
            self._at = found.end()
            return json.loads(found[0], strict=False)
        parts: list[str] = []
        self._at += 1
        while not self._text.startswith('"', self._at):
            start, self._at = self._at, self._inside()
            if start == self._at:
                raise self._wrong()
            parts.append(json.loads(f'"{self._text[start : self._at]}"', strict=False))
        self._at += 1
        return "".join(parts)

    def _inside(self) -> int:
        """Return where a part of a long string ends: between two characters."""
        found = _INSIDE.match(self._text, self._at, self._at + PIECE)
        end = found.end() if found else self._at
        while _HIGH.search(self._text, max(self._at, end - 6), end) and self._text.startswith("\\u", end):
            end += 6
        return end

    def _count(self, members: str) -> None:
        opened = members.count("[") + members.count("{")
        if opened > PIECE // 1024:
            bare = _STRINGS.sub("", members)
            opened = bare.count("[") + bare.count("{")
        self._spend(1 + members.count(",") + CONTAINER * opened)

    def _spend(self, values: int) -> None:
        self._room -= values
        if self._room < 0:
            raise TooMany(f"it has more than {MOST // CONTAINER:,} arrays and objects, or {MOST:,} values")

    def _skip(self) -> None:
        if blank := _BLANK.match(self._text, self._at):
            self._at = blank.end()

    def _wrong(self) -> ValueError:
        return ValueError(f"not JSON at character {self._at:,}")
