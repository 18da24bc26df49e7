"""What a body search looks for: words, a kind of secret, or a linear-time regular expression."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.reading.body import whole
from cf_aig_tools.reading.forms import OPENING, form_of
from cf_aig_tools.reading.linear import linear
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.quoting import Quoting
from cf_aig_tools.reading.search import Match, Pattern, exactly, matches
from cf_aig_tools.reading.secret_kinds import KINDS

LEAST = 3
"""Minimum length of literal text that a body is scanned for before it is parsed."""

_RUN = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_STANDS_AS_IT_IS = re.compile(r"(?:[\w .,:@|()?*+^$-]|\[\^?[\w .,:@-]+\]|\\[bBdDwW.]|\{[\d,]+\})*", re.ASCII)
"""Regular expressions whose literals are never escaped in JSON."""


def _anything(_: bytes) -> bool:
    return True


@dataclass(frozen=True)
class Needle:
    """The search pattern. `told` describes it, and `words` is the text itself, if it is one.

    `may_be_in` says whether a stored body that is not a stream may match; `run` occurs in every body that does.
    """

    pattern: Pattern
    told: str
    words: str = ""
    may_be_in: Callable[[bytes], bool] = _anything
    run: str = ""
    is_secret: bool = False

    def may_hold(self, stored: bytes) -> bool:
        """Whether a stored body may match; in a stream, the text may be split."""
        return self.may_be_in(stored) or form_of(stored[:OPENING]) == "events"

    def matches(self, stored: bytes, masker: Masker) -> list[Match]:
        """Return the match in a stored body, with the pointer that the body tools use."""
        form, may_be_in = form_of(stored[:OPENING]), self.may_be_in(stored)
        if form == "binary" or not (may_be_in or form == "events"):
            return []
        body = whole(stored, form, masker)
        texts = [body.value, *([masker.mask(body.text)] if body.text and may_be_in else [])]
        return matches(texts, self.pattern, "", Quoting(masker).whole)


def of_text(text: str) -> Needle:
    """Return a case-insensitive search for these words, or for any secret of the kind they name."""
    if (kind := text.strip("[]")) in KINDS:
        return Needle(exactly(f"[{kind}]"), f"a secret of kind {kind}", is_secret=True)
    run, told = max(_RUN.findall(text), key=len, default="").lower(), f'"{text}"'
    if len(run) < LEAST:
        return Needle(exactly(text), told, text)
    sought = run.encode()
    return Needle(exactly(text), told, text, lambda stored: sought in stored.lower(), run)


def of_regex(regex: str) -> Needle:
    """Return a search for a regular expression, run by RE2 in linear time.

    Raises:
        GatewayError: it is invalid, too large or matches everywhere.

    """
    try:
        pattern = linear(regex)
    except ValueError as error:
        raise GatewayError(f"regex {error}") from None
    filtered = _filter(regex) if _stands_as_it_is(regex, pattern) else _anything
    return Needle(pattern, f"a match for {regex}", may_be_in=filtered)


def _stands_as_it_is(regex: str, pattern: Any) -> bool:
    """Whether the literals of a regular expression appear in a stored body exactly as in the displayed text."""
    names_kind = any(kind in regex.lower() for kind in KINDS) or pattern.search(" ".join(KINDS))
    return bool(_STANDS_AS_IT_IS.fullmatch(regex)) and not names_kind


def _filter(regex: str) -> Callable[[bytes], bool]:
    """Return a check, based on literals alone, of whether a stored body may match."""
    re2: Any = import_module("re2")
    literals = re2.Filter()
    literals.Add(regex)
    literals.Compile()
    return lambda stored: bool(literals.Match(stored, True))
