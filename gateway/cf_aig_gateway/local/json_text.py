"""JSON as it comes from strangers: read strictly, or taken for none."""

from typing import Any

from pydantic_core import from_json, to_json


def read_json(text: bytes | str) -> Any:
    """Return the value of a JSON text; None for none, or with NaN, half a character, or nested 200 deep.

    A number beyond the largest double is infinite, as in JavaScript.
    """
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        return None


def write_json(value: Any) -> bytes:
    """Return the compact JSON of a value; what is infinite becomes null, as in JavaScript."""
    return to_json(value, inf_nan_mode="null")
