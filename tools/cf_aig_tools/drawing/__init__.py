"""Results for the page that draws them: data, bounded in bytes, whose texts are plain and never framed."""

from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from datetime import UTC, datetime
from typing import Any

from mcp.types import CallToolResult
from pydantic_core import to_json

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.shapes import as_list, as_object
from cf_aig_tools.desk import Desk
from cf_aig_tools.parameters import wire_date

LENGTHS = (2000, 500, 200, 80, 40, 20)
"""Maximum characters of a text, tried in turn."""


def drawn(value: Any) -> CallToolResult:
    """Return data for the page only. None values are left out, except in lists."""
    return CallToolResult(content=[], structured_content=_held(value))


def _held(value: Any) -> Any:
    if is_dataclass(value):
        return _held(vars(value))
    if isinstance(value, dict):
        return {name: _held(inner) for name, inner in as_object(value).items() if inner is not None}
    return [_held(item) for item in as_list(value)] if isinstance(value, list) else value


def fitted(desk: Desk, most: int, make: Callable[[int], Any], lengths: Sequence[int] = LENGTHS) -> CallToolResult:
    """Return what `make` returns, made safe, with the first text length for which it fits `most` bytes.

    Raises:
        GatewayError: it doesn't fit even with the shortest.

    """
    for longest in lengths:
        result = drawn(make(longest))
        result.structured_content = desk.safe(result.structured_content)
        if len(to_json(result.structured_content)) <= most:
            return result
    raise GatewayError("It is too large to draw: ask for less, such as fewer logs or a shorter span.")


def short(text: str | None, most: int) -> str | None:
    """Return a text of at most `most` characters, and how many more there are."""
    if text is None or len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most:,} more characters)"


def iso(moment: datetime | None) -> str | None:
    """Return a time in the page's form: 2026-11-21T23:00:00.000Z."""
    return wire_date(moment) if moment else None


def seconds_of(moment: datetime) -> float:
    """Return a time in seconds since 1970, for charts."""
    return round(moment.astimezone(UTC).timestamp(), 3)
