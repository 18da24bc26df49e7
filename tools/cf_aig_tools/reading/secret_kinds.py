"""All kinds of secrets that are masked, and a single-pass check of whether a text may contain one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

from cf_aig_gateway.one_line import hides
from cf_aig_tools.reading.key_shapes import KEYS
from cf_aig_tools.reading.named_values import NAMED
from cf_aig_tools.reading.own_secrets import OwnSecrets
from cf_aig_tools.reading.secrets import REACH, Secret

_VEILS = (
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad]",
    r"\\\\*u(?:\{|00[0-9a]|034f|061c|11[56]|17b|180|20[026]|2800|3164|d[89a-f]|e|f[0-8]|fd[de]|fe0|feff|ffa0|fff)",
)
"""What hides characters in a stored text, or may: literally, or as JSON escapes."""


_ROOM = 32 * 1024 * 1024
"""Memory for RE2's cache in bytes; with less it is slower."""


_LEAST = 6
"""Minimum length of a text that may contain a secret."""

_FIRST = (1, 2)
"""Leading letters by which a literal is looked up: two, if it has them."""


OWN = Secret("own_secret", "", "")
OWN_LONG = Secret("own_secret", "", "", r"[^\s\"']*")
"""Secrets that an operator defines.

If a match is longer than the scan limit, everything up to the next blank is masked.
"""

NONE = OwnSecrets()


@dataclass(frozen=True)
class Found:
    """A secret in a text: the position of its literal, its start, and the end of its shape."""

    literal: int
    start: int
    end: int
    rank: int
    secret: Secret

    def value(self, text: str) -> str:
        """Return all of it, up to the scan limit."""
        rest = self.secret.goes_on.match(text, self.end, self.start + REACH)
        return text[self.start : rest.end() if rest else self.end]


class Secrets:
    """A set of secret kinds: keys recognized by their form, and values recognized by their name.

    RE2 searches for all their hints at once, in time linear in the text.
    """

    def __init__(self, keys: Sequence[Secret], named: Sequence[Secret], own: OwnSecrets = NONE) -> None:
        self._keys = keys
        self._named = named
        self.own = own

    @cached_property
    def _places(self) -> list[tuple[Any, dict[str, list[tuple[int, Secret]]]]]:
        """Finds places where secrets may begin, and which kinds: by the first letters of their literals, with ranks."""
        ranks = {id(secret): rank for rank, secret in enumerate([*self._named, *self._keys])}
        found: list[tuple[Any, dict[str, list[tuple[int, Secret]]]]] = []
        for secrets, is_exact in ((self._keys, True), (self._named, False)):
            begins: dict[str, list[tuple[int, Secret]]] = {}
            for secret in secrets:
                begins.setdefault(secret.literal[: max(_FIRST)], []).append((ranks[id(secret)], secret))
            if secrets:
                found.append((_expression((secret.hint for secret in secrets), is_exact=is_exact), begins))
        return found

    @cached_property
    def _signs(self) -> Any:
        """Finds signs of a secret in a stored text, or of hidden characters."""
        named = "|".join([*_VEILS, *_with_more(self._named)])
        return _expression([f"(?i:{named})", *_with_more(self._keys)], is_exact=True)

    def cannot_be_in(self, text: str) -> bool:
        """Whether a stored text certainly contains no secret, which is the usual case."""
        if len(text) < _LEAST and not self.own.patterns:
            return not hides(text)
        if self._signs.search(_bytes(text)) or self.own.may_be_in(text):
            return False
        return text.isascii() or not hides(text)

    def hinted(self, text: str, start: int, end: int) -> Iterator[tuple[int, int, Secret]]:
        """Yield each place in a range of an unveiled text where a secret may begin, with its rank and kind."""
        written = _bytes(text)
        lower = written.lower().decode("latin-1")
        for expression, begins in self._places:
            held = text if expression.options.case_sensitive else lower
            place = start - 1
            while (found := expression.search(written, place + 1)) and (place := found.start()) < end:
                for size in _FIRST:
                    for rank, secret in begins.get(held[place : place + size], ()):
                        if held.startswith(secret.literal, place):
                            yield place, rank, secret

    def found(self, text: str, start: int, end: int) -> list[Found]:
        """Return the texts in a range that have the shape of a secret, in order."""
        found = [
            Found(first, first, last, -1, OWN_LONG if last - first >= REACH else OWN)
            for first, last in self.own.found(text, start, end)
        ]
        for place, rank, secret in self.hinted(text, start, end):
            match = secret.begins.match(text, place)
            if match and match.lastindex and secret.holds(match[match.lastindex]):
                found.append(Found(place, *match.span(match.lastindex), rank, secret))
        if self.own.allowed:
            found = [each for each in found if not self.own.allows(each.value(text))]
        return sorted(found, key=lambda each: (each.start, each.rank))


def _with_more(secrets: Sequence[Secret]) -> Iterator[str]:
    """Yield the hints of secrets with their context; hints with the same context are grouped."""
    for before, more in dict.fromkeys((secret.before, secret.more) for secret in secrets):
        hints = dict.fromkeys(secret.hint for secret in secrets if (secret.before, secret.more) == (before, more))
        yield f"{before}(?:{'|'.join(hints)}){more}"


def _bytes(text: str) -> bytes:
    """Encode a text with one byte per character, so that positions stay the same."""
    return text.encode("latin-1", "replace")


def _expression(hints: Iterable[str], *, is_exact: bool) -> Any:
    re2: Any = import_module("re2")
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = is_exact
    options.never_capture = True
    options.log_errors = False
    options.max_mem = _ROOM
    return re2.compile("|".join(dict.fromkeys(hints)).encode(), options)


SECRETS = Secrets(KEYS, NAMED)

NOTHING = Secrets([], [])

KINDS = sorted({secret.kind for secret in [*NAMED, *KEYS, OWN]})


def with_own(own: OwnSecrets) -> Secrets:
    """Return every kind, plus what an operator masks and minus what an operator allows."""
    return Secrets(KEYS, NAMED, own) if own != NONE else SECRETS
