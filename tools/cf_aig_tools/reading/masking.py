"""Masks secrets in untrusted text, and makes hidden or reordering characters visible."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_tools.reading.own_secrets import OwnSecrets
from cf_aig_tools.reading.secret_kinds import KINDS, NONE, NOTHING, Secrets, with_own
from cf_aig_tools.reading.secrets import AHEAD, BEHIND, REACH, Secret
from cf_aig_tools.reading.unveiled import Unveiled, half_veil, visible

__all__ = ["MaskStream", "Masker", "counted", "marks", "note", "visible"]

_MARK = re.compile(r"\[([a-z0-9_]{3,40})\]")
_WHOLE = 1 << 16
"""Characters of a text scanned at once."""
_STEP = 1 << 13
_LAST_LINE = 60
"""Maximum length of the last line of a private key."""
_TAIL = 2048
"""Characters at the end of a streamed text where a secret may already have begun."""


def marks(text: str) -> Counter[str]:
    """Count the secrets that were masked in a text, by kind."""
    return Counter(kind for kind in _MARK.findall(text) if kind in KINDS)


def note(text: str) -> str:
    """Say what was masked in a text, such as `2 openai_key, 1 jwt`; empty if nothing was."""
    return counted(marks(text))


def counted(found: Counter[str]) -> str:
    """Say how many secrets of each kind there are."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(found.items()))


class Masker:
    """Masks secrets in texts. It is stateless, so one instance serves every call. An operator can turn it off."""

    def __init__(self, enabled: bool = True, own: OwnSecrets = NONE) -> None:
        self.enabled = enabled
        self.own = own
        self._secrets = with_own(own) if enabled else NOTHING

    def mask(self, text: str) -> str:
        """Return the text with every secret replaced by its kind, such as `[openai_key]`."""
        if not self.enabled or (len(text) <= _WHOLE and self._secrets.cannot_be_in(text)):
            return text
        stream = self.stream()
        return "".join(map(stream.feed, self.steps(text))) + stream.end()

    def steps(self, text: str) -> Iterator[str]:
        """Yield a text masked in parts that take a few milliseconds each."""
        return (text[start : start + _STEP] for start in range(0, len(text), _STEP))

    def masked(self, value: Any) -> Any:
        """Return a JSON value with its texts masked; the name of a value helps to recognize a secret."""
        if not self.enabled or self._is_clean(value):
            return value
        whole = "\n".join(_texts(value))
        return value if self.mask(whole) == whole else self._each(value, "")

    def _is_clean(self, value: Any) -> bool:
        """Whether a JSON value certainly contains no secret; checking it as one text takes a fifth of the time."""
        try:
            return self._secrets.cannot_be_in(to_json(value).decode())
        except PydanticSerializationError:  # a lone surrogate
            return False

    def _each(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            return self.mask(name + value)[len(self.mask(name)) :] if name else self.mask(value)
        if isinstance(value, list):
            return [self._each(item, name) for item in as_list(value)]
        if isinstance(value, dict):
            return {self.mask(key): self._each(held, f"{key}: ") for key, held in as_object(value).items()}
        return value

    def stream(self) -> "MaskStream":
        """Return a masker for a text that arrives in parts."""
        return MaskStream(self._secrets)


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
    """Masks a text that arrives in parts; the joined output is the whole text masked."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._waiting = ""
        self._behind = ""
        self._open: Secret | None = None
        self._enough = 0

    def feed(self, text: str) -> str:
        """Take a part and return what is final.

        Pending text is checked again when it has doubled; it can be long if most characters are hidden.
        """
        self._waiting += text
        if len(self._waiting) < self._enough:
            return ""
        certain = self._passed(_TAIL) if self._is_clean() else self._advance(is_last=False)
        self._enough = 2 * len(self._waiting)
        return certain

    def end(self) -> str:
        """Return the rest."""
        return self._passed(0) if self._is_clean() else self._advance(is_last=True)

    def _is_clean(self) -> bool:
        return self._open is None and self._secrets.cannot_be_in(self._behind + self._waiting)

    def _passed(self, tail: int) -> str:
        """Return the pending text, which contains no secret, except for its tail."""
        most = max(0, len(self._waiting) - tail)
        half = half_veil(self._waiting, most) if tail else None
        passed = self._waiting[: half.start() if half else most]
        self._waiting = self._waiting[len(passed) :]
        self._behind = Unveiled(self._behind, passed[-_TAIL:]).text[-BEHIND:]
        return passed

    def _advance(self, *, is_last: bool) -> str:
        half = None if is_last else half_veil(self._waiting, len(self._waiting))
        ready = self._waiting[: half.start()] if half else self._waiting
        plain = Unveiled(self._behind, ready)
        out: list[str] = []
        place = self._swallow(plain, len(self._behind), is_last=is_last) if self._open else len(self._behind)
        if not self._open:
            place = self._scan(plain, place, out, is_last=is_last)
        cut = plain.origin(place)
        self._waiting = self._waiting[cut:]
        self._behind = plain.text[max(0, place - BEHIND) : place]
        return "".join(out)

    def _scan(self, plain: "Unveiled", place: int, out: list[str], *, is_last: bool) -> int:
        """Write the text up to the final position, with secrets masked, and return that position."""
        known = len(plain.text) if is_last else max(place, len(plain.text) - REACH)
        for found in self._secrets.found(plain.text, place, known):
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

    def _swallow(self, plain: "Unveiled", place: int, *, is_last: bool) -> int:
        """Skip the rest of the open secret, and close it when its end is certain."""
        if self._open is None:
            return place
        found = self._open.goes_on.match(plain.text, place)
        end = found.end() if found else place
        if is_last or end + _LAST_LINE <= len(plain.text):
            self._open = None
            return end
        return max(place, len(plain.text) - 2 * _LAST_LINE)
