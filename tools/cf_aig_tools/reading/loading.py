"""A large JSON text read piece by piece: a thread that does so never keeps the others waiting for long."""

import json
import re
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object

PIECE = 1 << 16
"""Characters that are read in one go, which takes a few milliseconds."""

AT_ONCE = 1 << 18
"""Characters that Python's own reader takes in 20 ms at most, whatever they hold."""

LONGEST = 5000
"""Characters of the longest number; Python reads no longer ones, either."""

DEEPEST = 300
"""Arrays and objects inside each other."""

MOST = 1_500_000
"""Values of a text that is taken apart, of which an array or an object counts for CONTAINER: 100 MB at most."""

CONTAINER = 20
"""Python looks through all arrays and objects now and then, while every thread waits."""

# Atomic groups: before Python 3.11.5 a possessive group ends within a turn that failed.
_STRING = r'"(?>(?:[^"\\]+|\\.)*)"'
_FLAT = rf'[\[{{](?>(?:[^\[\]{{}}"]+|{_STRING})*)[\]}}]'
_LOW = rf'[\[{{](?>(?:[^\[\]{{}}"]+|{_STRING}|{_FLAT})*)[\]}}]'
_MEMBERS = re.compile(rf'(?>(?:(?>(?:[^\[\]{{}}",]+|{_STRING}|{_LOW})+),)+)', re.DOTALL)
"""Members of an array or an object that hold little, each with the comma after it."""
_STRINGS = re.compile(_STRING, re.DOTALL)
_SCALAR = re.compile(r"[-+.\w]+")
_BLANK = re.compile(r"[ \t\n\r]*")
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_INSIDE = re.compile(r'(?>(?:[^"\\]+|\\u[0-9a-fA-F]{4}|\\[^u])*)', re.DOTALL)
_HIGH = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_CLOSING = {"[": "]", "{": "}"}


class TooMany(ValueError):
    """A JSON text holds more values than are taken apart."""


def load(text: str) -> Any:
    """Return the value of a JSON text, as `json.loads` does, which is not strict about control characters.

    Raises:
        ValueError: it is not JSON; TooMany, where it holds too many values.
        RecursionError: it is nested too deep.

    """
    return json.loads(text, strict=False) if len(text) <= AT_ONCE else _Reader(text).value()


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def written(value: Any) -> str:
    """Return a value as compact JSON, written part by part."""
    return "".join(_ENCODER.iterencode(value))


class _Reader:
    """Reads one text: members that hold little many at a time, others one by one."""

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
        """Read the next members of what was opened last, or its end."""
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
        """Read a value; of an array or an object that holds anything, only its beginning."""
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
        """Pass over what follows a member: a comma, or the ends of what is open."""
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
