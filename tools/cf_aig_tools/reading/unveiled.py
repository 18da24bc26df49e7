"""Makes hidden and reordering characters visible, or removes them to read the underlying text."""

import re
from bisect import bisect_right
from collections.abc import Iterator

from cf_aig_gateway.one_line import HIDDEN as _HIDDEN
from cf_aig_gateway.one_line import HIDING, hides

_SHOWN = re.compile(rf"{HIDING}|\\u(?=\{{)")
_HIGH = r"\\{1,15}+u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = r"\\{1,15}+u[dD][c-fC-F][0-9a-fA-F]{2}"
_VEIL = re.compile(
    rf"[{_HIDDEN}]+|(?P<pair>{_HIGH}{_LOW})|\\{{1,15}}+(?:u\{{([0-9a-fA-F]{{1,6}})\}}|u([0-9a-fA-F]{{4}})|([\"'/nrt]))"
)
_HALF_VEIL = re.compile(rf"(?:{_HIGH})?\\{{1,15}}(?:u(?:\{{?[0-9a-fA-F]{{0,6}})?)?\Z")
_LONGEST_VEIL = 46
_STEP = 1 << 16
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


def visible(text: str) -> str:
    r"""Write invisible, bidirectional and control characters as `\u{202e}`; newline and tab stay."""
    if "\\u{" not in text and not hides(text):
        return text
    return "".join(_SHOWN.sub(_escape, part) for part in _steps(text))


def _steps(text: str) -> Iterator[str]:
    r"""Yield a text in parts that take a few milliseconds each; none ends inside a `\u{`."""
    start = 0
    while start < len(text):
        end = start + _STEP
        end -= (
            next((len(half) for half in ("\\u", "\\") if text[start:end].endswith(half)), 0) if end < len(text) else 0
        )
        yield text[start:end]
        start = end


def _escape(found: re.Match[str]) -> str:
    return f"\\u{{{ord(found[0][0]):x}}}" + found[0][1:]


def half_veil(text: str, end: int) -> re.Match[str] | None:
    """Return the part of an escape, or run of escapes, that spans a cut position."""
    return _HALF_VEIL.search(text, max(0, end - _LONGEST_VEIL), end)


class Unveiled:
    """A text as a reader sees it: without invisible characters and with escapes decoded; positions map back to the
    original.
    """

    def __init__(self, behind: str, veiled: str) -> None:
        self._veiled = veiled
        self._places = [len(behind)]
        self._origins = [0]
        self.text = behind + (self._resolved(len(behind)) if _may_be_veiled(veiled) else veiled)

    def _resolved(self, place: int) -> str:
        parts, origin = list[str](), 0
        for veil in _VEIL.finditer(self._veiled):
            start, end = veil.span()
            letter = veil[4]
            meant = _LETTERS.get(letter, letter) if letter else _meant(veil)
            parts += self._veiled[origin:start], meant
            place += start - origin + len(meant)
            origin = end
            self._places.append(place)
            self._origins.append(origin)
        parts.append(self._veiled[origin:])
        return "".join(parts)

    def origin(self, place: int) -> int:
        """Return the original position."""
        if place <= self._places[0]:
            return 0
        nearest = bisect_right(self._places, place) - 1
        return self._origins[nearest] + place - self._places[nearest]

    def between(self, start: int, end: int) -> str:
        """Return the original of a part."""
        return self._veiled[self.origin(start) : self.origin(end)]

    def after(self, start: int) -> str:
        """Return the original of everything that follows."""
        return self._veiled[self.origin(start) :]

    def unsplit(self, place: int) -> int:
        r"""Return the position, or the one before it if it would split a `\u{`."""
        cut = self.origin(place)
        return (
            place - 2
            if self._veiled[cut - 2 : cut + 1] == "\\u{"
            else place - (self._veiled[cut - 1 : cut + 2] == "\\u{")
        )


def _may_be_veiled(text: str) -> bool:
    return "\\" in text or hides(text)


def _meant(veil: re.Match[str]) -> str:
    if pair := veil["pair"]:
        high = int(pair[pair.index("u") + 1 :][:4], 16)
        return _unless_hidden(0x10000 + ((high & 0x3FF) << 10 | int(pair[-4:], 16) & 0x3FF))
    if code := veil[2] or veil[3]:
        return _unless_hidden(min(int(code, 16), 0x10FFFF))
    return ""


def _unless_hidden(code: int) -> str:
    return "" if hides(chr(code)) else chr(code)
