"""The message in an error body, in the shapes that most providers share."""

from dataclasses import dataclass
from typing import Any

from cf_aig_gateway.formats.content import as_json
from cf_aig_gateway.shapes import as_list, as_object, as_text


@dataclass(frozen=True)
class Said:
    """An error: a sentence, one-word labels such as a type, and a number.

    `kind` is set if the format knows what the number means.
    """

    words: str = ""
    labels: tuple[str, ...] = ()
    code: int | None = None
    by_gateway: bool = False
    kind: str = ""

    def told(self) -> str:
        """Return it as one line."""
        return ": ".join(filter(None, [next(iter(self.labels), "") or str(self.code or ""), self.words]))


def shared(body: dict[str, Any]) -> Said | None:
    """Read `{error: {message, type}}`, `{error: text}` and `{errors: [{message, code}]}`; None if it is something else.

    AI Gateway's data plane has a list under `error`.
    """
    held = body.get("error") or body.get("errors")
    if not held or "choices" in body or "output" in body:
        return None
    entry = next(iter(as_list(held)), held)
    if isinstance(entry, str):
        return Said(entry, _labels(body))
    said = as_object(entry)
    inner = as_object(said.get("error")) or as_object(said.get("message"))
    words = as_text(said.get("message")) or as_text(inner.get("message")) or as_text(said.get("code"))
    if failed := as_text(said.get("failed_generation")):
        words = f"{words} It generated: {failed}"
    words += _budget(said)
    return Said(
        words or as_json(entry),
        _labels(said) or _labels(inner),
        code_of(said),
        by_gateway=isinstance(body.get("error"), list),
    )


def _budget(said: dict[str, Any]) -> str:
    """Return what a spend limit reports: its bucket, and US dollars spent and allowed.

    Source: developers.cloudflare.com/ai-gateway/features/policies, read 2026-11-27.
    """
    spent, limit = said.get("spent"), said.get("limit")
    if not isinstance(spent, int | float) or not isinstance(limit, int | float):
        return ""
    bucket = as_text(said.get("bucket"))
    return f": {f'{bucket}, ' if bucket else ''}${spent:,.2f} spent of ${limit:,.2f}"


def loose(body: dict[str, Any]) -> Said | None:
    """Read shapes that are errors only in a failed call's body: `{message}` or `{detail}`, as text, an object or a
    list.
    """
    held = as_object(body.get("message")) or body
    details = [as_text(as_object(each).get("msg")) for each in as_list(held.get("detail"))]
    words = as_text(held.get("message")) or as_text(held.get("detail")) or "; ".join(filter(None, details))
    return Said(words, _labels(held), code_of(held)) if words else None


def _labels(held: dict[str, Any]) -> tuple[str, ...]:
    labels = (as_text(held.get(name)) for name in ("type", "code", "status", "__type"))
    return tuple(label for label in labels if label)


def code_of(held: dict[str, Any]) -> int | None:
    """Return an error's number."""
    code = held.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else None
