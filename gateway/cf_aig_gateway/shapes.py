"""Reads JSON of unknown shape: returns the requested type, or an empty one."""

from typing import Any, cast


def as_object(value: Any) -> dict[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a JSON array, or an empty one for anything else."""
    return cast(list[Any], value) if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return a JSON string, or an empty one for anything else."""
    return value if isinstance(value, str) else ""
