"""The array of AI Gateway's universal endpoint: steps tried in order, each a request to one provider."""

from typing import Any

from cf_aig_gateway.one_line import named
from cf_aig_gateway.shapes import as_object, as_text

UNIVERSAL = "Universal request of"
MOST_NAMED = 5


def is_universal(steps: list[Any]) -> bool:
    """Recognize `[{provider, endpoint, headers, query}]`."""
    return {"provider", "query"} <= as_object(next(iter(steps), None)).keys()


def title(steps: list[Any], kind: str) -> str:
    """Say what was tried. `kind` is the format of the first step."""
    names = ", then ".join(_named(as_object(step)) for step in steps[:MOST_NAMED])
    return f"{UNIVERSAL} {len(steps)} steps ({names}); first: {kind.partition(' (')[0] if UNIVERSAL in kind else kind}"


def _named(step: dict[str, Any]) -> str:
    names = as_text(step.get("provider")), as_text(as_object(step.get("query")).get("model"))
    return " ".join(named(name, 40) for name in names if name)
