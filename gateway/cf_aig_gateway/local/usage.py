"""The tokens of a call, read from whatever form its provider reports them in."""

from typing import Any

from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.pricing import Usage
from cf_aig_gateway.shapes import as_object

NONE = Usage(0, 0)
"""The usage of a call that was refused: no tokens, at no cost."""


def usage_of_body(body: bytes) -> Usage:
    """Read the usage of a whole JSON reply."""
    content = as_object(read_json(body))
    return usage_of(as_object(content.get("usage")) or as_object(as_object(content.get("result")).get("usage")))


def usage_of(block: dict[str, Any]) -> Usage:
    """Read a usage block of OpenAI (both APIs), Anthropic or Workers AI.

    Anthropic counts cached tokens apart from `input_tokens`, OpenAI among its prompt's.
    """
    details = as_object(block.get("prompt_tokens_details")) or as_object(block.get("input_tokens_details"))
    out_details = as_object(block.get("completion_tokens_details")) or as_object(block.get("output_tokens_details"))
    apart = [_count(block.get(f"cache_{act}_input_tokens")) or 0 for act in ("read", "creation")]
    tokens_in = _first(block, "prompt_tokens", "input_tokens")
    return Usage(
        tokens_in=None if tokens_in is None else tokens_in + sum(apart),
        tokens_out=_first(block, "completion_tokens", "output_tokens"),
        cache_read=apart[0] or _count(details.get("cached_tokens")) or 0,
        cache_write=apart[1],
        reasoning=_count(out_details.get("reasoning_tokens")) or 0,
    )


def _first(block: dict[str, Any], *names: str) -> int | None:
    return next((count for name in names if (count := _count(block.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
