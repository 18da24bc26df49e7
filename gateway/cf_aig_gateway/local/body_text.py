"""What the bodies of a log say, as one text to search in."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import JsonValue

from cf_aig_gateway import formats
from cf_aig_gateway.json_text import BOM, ESCAPES, load_json, meant, whole

LEVELS = 5
"""How often escapes are read: JSON stands in strings of JSON."""

MANY = 100
"""Numbers of one array; more of them, as in an embedding, are left out."""

MEDIA = 10_000
"""Characters of base64 from which on it is an image or a file, and left out."""

OPENING = 4096
"""Bytes that tell whether JSON is the events of a stream."""

CHUNK = 1 << 16
"""Bytes of a stream that are read at once."""

_MEDIA = re.compile(rf"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/=_-]{{{MEDIA},}}")


def body_text(bodies: Iterable[bytes | None]) -> str:
    """Return the strings, other values and member names of the bodies, each once and on a line of its own.

    A string with escapes is followed by what it reads without them. A stream stands as it is, and as the reply that it
    makes; what is no JSON stands as it is.

    Raises:
        RecursionError: JSON is nested too deep.

    """
    texts: dict[str, None] = {}
    for body in filter(None, bodies):
        for value in _values(body.removeprefix(BOM)):
            _collect(value, texts)
    return whole("\n".join(texts))


def _values(body: bytes) -> Iterator[Any]:
    """Yield the JSON of a body, or its text; of a stream, its reply too."""
    value = _json(body)
    if value is not None:
        yield value
    if value is None or formats.begins_stream(body[:OPENING]):
        yield body.decode("utf-8", "replace")
        stream = formats.stream()
        for start in range(0, len(body), CHUNK):
            stream.add(body[start : start + CHUNK])
        stream.end()
        yield stream.reply()


def _json(body: bytes) -> Any:
    """Return the value of JSON, however loosely written; None for anything else."""
    try:
        return load_json(body)
    except ValueError:
        pass
    try:
        return json.loads(body.decode("utf-8", "replace"), strict=False)
    except ValueError:
        return None


def _collect(value: JsonValue, texts: dict[str, None]) -> None:
    """Add what a JSON value says to the texts."""
    if isinstance(value, str):
        _collect_string(value, texts)
    elif isinstance(value, dict):
        for name, part in value.items():
            texts[name] = None
            _collect(part, texts)
    elif isinstance(value, list):
        is_data = len(value) > MANY and sum(map(_is_number, value)) > MANY
        for item in value:
            if not (is_data and _is_number(item)):
                _collect(item, texts)
    elif value is not None:
        texts[json.dumps(value)] = None


def _collect_string(text: str, texts: dict[str, None]) -> None:
    """Add a string to the texts, and what it reads with its escapes read, level by level."""
    said = _MEDIA.sub(" ", text) if len(text) >= MEDIA else text
    for _ in range(LEVELS):
        if said in texts:
            return
        texts[said] = None
        if "\\" not in said:
            return
        said = ESCAPES.sub(lambda found: meant(found[0]), said)


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
