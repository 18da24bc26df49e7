"""Every kind of secret that is masked, and how a text is asked in one pass whether it may hold one."""

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
    r"\\\\*u(?:\{|00[0-9a]|034f|061c|11[56]|17b|180|20[026]|3164|d[89a-f]|fe0|feff|ffa0|fff)",
)
"""What hides characters in a stored text, or may: as it is, or as JSON escapes it."""


_ROOM = 32 * 1024 * 1024
"""Bytes in which RE2 keeps what it has found out about an expression; with fewer it is slower."""


_LEAST = 6
"""Characters of the shortest text that may hold a secret."""

_FIRST = (1, 2)
"""How many of its first letters a literal is looked up by: two, if it has them."""


OWN = Secret("own_secret", "", "")
OWN_LONG = Secret("own_secret", "", "", r"[^\s\"']*")
"""What an operator masks; of one that is longer than is looked at, all that has no blank in it."""

NONE = OwnSecrets()


@dataclass(frozen=True)
class Found:
    """A secret in a text: where its literal is, where it begins, and where its shape ends."""

    literal: int
    start: int
    end: int
    rank: int
    secret: Secret

    def value(self, text: str) -> str:
        """Return all of it, as far as is looked at."""
        rest = self.secret.goes_on.match(text, self.end, self.start + REACH)
        return text[self.start : rest.end() if rest else self.end]


class Secrets:
    """Some kinds of secrets: keys that are known as they are written, and values that are known by a name.

    RE2 looks for the hints of all of them, whose time grows with the length of a text alone.
    """

    def __init__(self, keys: Sequence[Secret], named: Sequence[Secret], own: OwnSecrets = NONE) -> None:
        self._keys = keys
        self._named = named
        self.own = own

    @cached_property
    def _places(self) -> list[tuple[Any, dict[str, list[tuple[int, Secret]]]]]:
        """What finds places where secrets may begin, and which: by the first letters of their literals, with ranks."""
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
        """What finds the signs of a secret in a stored text, or that something is hidden in it."""
        named = "|".join([*_VEILS, *_with_more(self._named)])
        return _expression([f"(?i:{named})", *_with_more(self._keys)], is_exact=True)

    def cannot_be_in(self, text: str) -> bool:
        """Whether a stored text holds no secret for certain, as most do not."""
        if len(text) < _LEAST and not self.own.patterns:
            return not hides(text)
        if self._signs.search(_bytes(text)) or self.own.may_be_in(text):
            return False
        return text.isascii() or not hides(text)

    def hinted(self, text: str, start: int, end: int) -> Iterator[tuple[int, int, Secret]]:
        """Yield each place between two of an unveiled text where a secret may begin, with its rank and kind."""
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
        """Return what has the shape of a secret, its literal between two places, in the order of the text."""
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
    """Yield the hints of secrets with what stands around them, those together where it is the same."""
    for before, more in dict.fromkeys((secret.before, secret.more) for secret in secrets):
        hints = dict.fromkeys(secret.hint for secret in secrets if (secret.before, secret.more) == (before, more))
        yield f"{before}(?:{'|'.join(hints)}){more}"


def _bytes(text: str) -> bytes:
    """Write a text with one byte a character, so that places are the same in both."""
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
    """Return every kind with what an operator masks besides, and without what is to be shown."""
    return Secrets(KEYS, NAMED, own) if own != NONE else SECRETS
