"""What a stranger's text may not show: secrets are masked, and characters that hide or reorder are made visible."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_tools.reading.secrets import AHEAD, BEHIND, KINDS, REACH, SECRETS, Secret, Secrets

_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
_SHOWN = re.compile(rf"[{_HIDDEN}]|\\u(?=\{{)")
_IS_HIDDEN = re.compile(f"[{_HIDDEN}]")
_HIGH = r"\\{1,15}+u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = r"\\{1,15}+u[dD][c-fC-F][0-9a-fA-F]{2}"
_VEIL = re.compile(
    rf"[{_HIDDEN}]+|(?P<pair>{_HIGH}{_LOW})|\\{{1,15}}+(?:u\{{([0-9a-fA-F]{{1,6}})\}}|u([0-9a-fA-F]{{4}})|([\"'/nrt]))"
)
_HALF_VEIL = re.compile(rf"(?:{_HIGH})?\\{{1,15}}(?:u(?:\{{?[0-9a-fA-F]{{0,6}})?)?\Z")
_LONGEST_VEIL = 46
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\n\t"
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_MARK = re.compile(rf"\[({'|'.join(KINDS)})\]")
_STEP = 1 << 16
_LAST_LINE = 60
"""Characters that the last line of a private key may have."""


def visible(text: str) -> str:
    r"""Write invisible, bidirectional and control characters as `\u{202e}`; newline and tab stay."""
    return text if _is_plain(text) and "\\u{" not in text else _SHOWN.sub(_escape, text)


def _is_plain(text: str) -> bool:
    """Say at once whether a text is printable ASCII, newlines and tabs, as most are."""
    return text.isascii() and not text.encode().translate(None, _PRINTABLE)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{{{ord(found[0][0]):x}}}" + found[0][1:]


def marks(text: str) -> Counter[str]:
    """Count, by kind, the secrets that a masked text no longer shows."""
    return Counter(_MARK.findall(text))


def note(text: str) -> str:
    """Say what was masked in a text, as `2 openai_key, 1 jwt`; empty when nothing was."""
    return counted(marks(text))


def counted(found: Counter[str]) -> str:
    """Say how many secrets of each kind there are."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(found.items()))


class Masker:
    """Takes secrets out of texts; without state, so one serves every call. An operator may switch it off."""

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled

    def mask(self, text: str) -> str:
        """Return the text with every secret replaced by its kind, as `[openai_key]`."""
        if not self.enabled:
            return text
        stream = self.stream()
        return "".join(map(stream.feed, self.steps(text))) + stream.end()

    def steps(self, text: str) -> Iterator[str]:
        """Yield the parts in which a text is masked: each takes some milliseconds."""
        return (text[start : start + _STEP] for start in range(0, len(text), _STEP))

    def masked(self, value: Any) -> Any:
        """Return a JSON value with its texts masked; what names a value tells whether it is a secret."""
        whole = "\n".join(_texts(value))
        return value if self.mask(whole) == whole else self._each(value, "")

    def _each(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            return self.mask(name + value)[len(self.mask(name)) :] if name else self.mask(value)
        if isinstance(value, list):
            return [self._each(item, name) for item in as_list(value)]
        if isinstance(value, dict):
            return {self.mask(key): self._each(held, f"{key}: ") for key, held in as_object(value).items()}
        return value

    def stream(self) -> "MaskStream":
        """Return a masker for a text that comes in parts."""
        return MaskStream(SECRETS if self.enabled else {})


def _texts(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, str):
        yield name + value
    elif isinstance(value, list):
        for item in as_list(value):
            yield from _texts(item, name)
    elif isinstance(value, dict):
        for key, held in as_object(value).items():
            yield key
            yield from _texts(held, f"{key}: ")


class MaskStream:
    """Masks a text that comes in parts: what comes out is, put together, the whole text masked."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._waiting = ""
        self._behind = ""
        self._open: Secret | None = None
        self._enough = 0

    def feed(self, text: str) -> str:
        """Take a part; return what is certain by now.

        What waits is looked at again when it has doubled: it can be long where most characters are hidden.
        """
        self._waiting += text
        if len(self._waiting) < self._enough:
            return ""
        certain = self._advance(is_last=False)
        self._enough = 2 * len(self._waiting)
        return certain

    def end(self) -> str:
        """Return the rest."""
        return self._advance(is_last=True)

    def _advance(self, *, is_last: bool) -> str:
        half = None if is_last else _HALF_VEIL.search(self._waiting, max(0, len(self._waiting) - _LONGEST_VEIL))
        ready = self._waiting[: half.start()] if half else self._waiting
        plain = _Unveiled(self._behind, ready)
        out: list[str] = []
        place = self._swallow(plain, len(self._behind), is_last=is_last) if self._open else len(self._behind)
        if not self._open:
            place = self._scan(plain, place, out, is_last=is_last)
        cut = plain.origin(place)
        self._waiting = self._waiting[cut:]
        self._behind = plain.text[max(0, place - BEHIND) : place]
        return "".join(out)

    def _scan(self, plain: "_Unveiled", place: int, out: list[str], *, is_last: bool) -> int:
        """Write the text up to where it is certain, secrets as marks; return where that is."""
        known = len(plain.text) if is_last else max(place, len(plain.text) - REACH)
        for found in _found(plain.text, self._secrets, place, known):
            if found.literal < place or found.start >= known:
                continue
            out += plain.between(place, found.start), f"[{found.secret.kind}]"
            self._open = found.secret
            place = self._swallow(plain, found.end, is_last=is_last)
            if self._open:
                return place
        if is_last:
            out.append(plain.after(place))
            return known
        certain = plain.unsplit(max(place, known - AHEAD))
        out.append(plain.between(place, certain))
        return certain

    def _swallow(self, plain: "_Unveiled", place: int, *, is_last: bool) -> int:
        """Pass over what the open secret goes on with; close it when its end is certain."""
        if self._open is None:
            return place
        found = self._open.rest.match(plain.text, place)
        end = found.end() if found else place
        if is_last or end + _LAST_LINE <= len(plain.text):
            self._open = None
            return end
        return max(place, len(plain.text) - 2 * _LAST_LINE)


class _Unveiled:
    """A text as a reader takes it: without invisible characters, escapes resolved; places lead back to the original."""

    def __init__(self, behind: str, veiled: str) -> None:
        self._veiled = veiled
        self._places = [len(behind)]
        self._origins = [0]
        self.text = behind + "".join(self._resolve(len(behind)))

    def _resolve(self, place: int) -> Iterator[str]:
        origin = 0
        for veil in _VEIL.finditer(self._veiled) if _may_be_veiled(self._veiled) else ():
            meant = _meant(veil)
            yield self._veiled[origin : veil.start()]
            yield meant
            place += veil.start() - origin + len(meant)
            origin = veil.end()
            self._places.append(place)
            self._origins.append(origin)
        yield self._veiled[origin:]

    def origin(self, place: int) -> int:
        """Return where a place of the text is in the original."""
        if place <= self._places[0]:
            return 0
        nearest = bisect_right(self._places, place) - 1
        return self._origins[nearest] + place - self._places[nearest]

    def between(self, start: int, end: int) -> str:
        """Return the original of a part."""
        return self._veiled[self.origin(start) : self.origin(end)]

    def after(self, start: int) -> str:
        """Return the original of all that follows."""
        return self._veiled[self.origin(start) :]

    def unsplit(self, place: int) -> int:
        r"""Return the place, or the one before it where `\u{` would be split."""
        cut = self.origin(place)
        return (
            place - 2
            if self._veiled[cut - 2 : cut + 1] == "\\u{"
            else place - (self._veiled[cut - 1 : cut + 2] == "\\u{")
        )


def _may_be_veiled(text: str) -> bool:
    return "\\" in text or not (_is_plain(text) or _IS_HIDDEN.search(text) is None)


def _meant(veil: re.Match[str]) -> str:
    if pair := veil["pair"]:
        high = int(pair[pair.index("u") + 1 :][:4], 16)
        return _unless_hidden(0x10000 + ((high & 0x3FF) << 10 | int(pair[-4:], 16) & 0x3FF))
    if code := veil[2] or veil[3]:
        return _unless_hidden(min(int(code, 16), 0x10FFFF))
    return _LETTERS.get(veil[4], veil[4]) if veil[4] else ""


def _unless_hidden(code: int) -> str:
    return "" if _IS_HIDDEN.match(chr(code)) else chr(code)


@dataclass(frozen=True)
class _Found:
    """A secret in a text: where its literal is, where it begins, and where its shape ends."""

    literal: int
    start: int
    end: int
    secret: Secret


def _found(text: str, secrets: Secrets, start: int, end: int) -> list[_Found]:
    """Return what has the shape of a secret, its literal between two places, in the order of the text."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = text.translate(_LOWER)
    found: list[_Found] = []
    for literal, kinds in secrets.items():
        place = lower.find(literal, start)
        while -1 < place < end:
            for secret in kinds:
                if match := secret.shape.match(text, place):
                    group = match.lastindex or 0
                    found.append(_Found(place, match.start(group), match.end(group), secret))
            place = lower.find(literal, place + 1)
    return sorted(found, key=lambda each: each.start)
