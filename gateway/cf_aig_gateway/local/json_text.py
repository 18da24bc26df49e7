"""JSON as it comes from strangers: read strictly, or taken for none."""

import json
from math import isfinite
from typing import Any, NoReturn


def read_json(text: bytes | str) -> Any:
    """Return the value of a JSON text; None for none, or with NaN, 1e999 or half a character, or too deep."""
    try:
        plain = text.decode() if isinstance(text, bytes) else text
        value = _STRICT.decode(plain)
        if "\\ud" in plain or "\\uD" in plain:
            write_json(value)
    except (ValueError, RecursionError):
        return None
    return value


def write_json(value: Any) -> bytes:
    """Return the compact JSON of a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _finite(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _refuse(text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_STRICT = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
