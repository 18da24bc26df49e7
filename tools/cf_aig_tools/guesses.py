"""Filters compare what is shown, so no answer reveals whether a guess at a masked value, or part of one, is right."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.filters import FLAGS, NUMBERS, Filter
from cf_aig_gateway.models import BODIES, Log
from cf_aig_gateway.one_line import as_logged
from cf_aig_tools.reading.masking import Masker, marks

IN_ORDER = frozenset({*NUMBERS, "created_at", "id"})
"""Keys that `lt` and `gt` may compare. Texts are ordered too, so repeated comparisons would spell out a masked one."""


@dataclass(frozen=True)
class Guesses:
    """The texts to look for in logs, each any of several. A log must show them, not just contain them.

    `is_partial`: part of a value is enough to match, so a secret could be guessed bit by bit.
    """

    masker: Masker = field(default_factory=lambda: Masker(enabled=False))
    texts: tuple[tuple[str, ...], ...] = ()
    is_partial: bool = False

    def as_shown(self, log: Log) -> Log:
        """Return a log as its readers see it; the same object if nothing is masked."""
        if not self.masker.enabled:
            return log
        stored = log.model_dump(mode="json", exclude=set(BODIES))
        masked = self.masker.masked(stored)
        return log if masked is stored else Log.model_validate(masked)

    def are_in(self, shown: Log) -> bool:
        """Whether a log with masked parts shows each requested text."""
        held = as_logged(shown.model_dump(mode="json"))
        forms = [json.dumps(held, ensure_ascii=False, separators=each).lower() for each in (None, (",", ":"))]
        return all(any(_is_in(text, forms) for text in several) for several in self.texts)


def _is_in(text: str, forms: Sequence[str]) -> bool:
    written = json.dumps(as_logged(text), ensure_ascii=False)[1:-1].lower()
    return any(written in form for form in forms)


def guesses(masker: Masker, filters: Sequence[Filter], pairs: Sequence[tuple[str, Any]], search: str) -> Guesses:
    """Return the texts that these filters, these metadata values and this search look for.

    Raises:
        GatewayError: one looks like a secret, or compares the order of texts.

    """
    if not masker.enabled:
        return Guesses()
    for clause in filters:
        _check_operator(clause)
    own = [(clause.key, value) for clause in filters for value in clause.value]
    _check(masker, [*own, ("search", search), *((f"metadata.{key}", value) for key, value in pairs)])
    partial = [clause for clause in filters if clause.operator == "contains"]
    by_value = [clause for clause in filters if clause.key == "metadata.value" and clause.operator == "eq"]
    texts = [tuple(map(str, clause.value)) for clause in (*partial, *by_value) if None not in clause.value]
    texts += [(search,)] if search else []
    return Guesses(masker, tuple(texts), bool(search or partial))


def _check_operator(clause: Filter) -> None:
    if clause.operator in {"lt", "gt"} and clause.key not in IN_ORDER:
        advice = "Use metadata.<key>." if clause.key.startswith("metadata.") else "Use eq, neq or contains."
        raise GatewayError(f"filters: {clause.key} cannot be compared with {clause.operator}. {advice}")
    if clause.operator == "neq" and clause.key == "metadata.value":
        raise GatewayError("filters: metadata.value cannot be compared with neq. Use metadata.<key>.")


def _check(masker: Masker, values: Sequence[tuple[str, Any]]) -> None:
    """Refuse values that would be masked when shown."""
    for key, value in values:
        if not isinstance(value, str) or key in FLAGS or not value:
            continue
        name = key.removeprefix("metadata.")
        masked = masker.masked({name: value}) if name != key else {name: masker.mask(value)}
        if masked != {name: value}:
            kinds = ", ".join(marks(str(masked))) or "secret"
            raise GatewayError(
                f"The value of {key} looks like a secret ({kinds}). Secrets are masked, so logs cannot be filtered by "
                "them. search_bodies with the kind as text finds the logs that hold one."
            )
