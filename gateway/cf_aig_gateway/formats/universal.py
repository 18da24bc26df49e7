"""The array of AI Gateway's universal endpoint: steps that are tried in order, each a request to one provider."""

from typing import Any

from cf_aig_gateway.shapes import as_object, as_text


def is_universal(steps: list[Any]) -> bool:
    """Recognize `[{provider, endpoint, headers, query}]`."""
    return {"provider", "query"} <= as_object(next(iter(steps), None)).keys()


def title(steps: list[Any], kind: str) -> str:
    """Say what was tried; `kind` is the form of the first step."""
    names = ", then ".join(f"{as_text(as_object(step).get('provider'))} {_model(step)}".strip() for step in steps[:5])
    return f"Universal request of {len(steps)} steps ({names}); first: {kind}"


def _model(step: Any) -> str:
    return as_text(as_object(as_object(step).get("query")).get("model"))
