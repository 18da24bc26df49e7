"""What the bodies of a log say, as one text to search in."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import JsonValue

from cf_aig_gateway import formats
from cf_aig_gateway.json_text import BOM, ESCAPES, load_json, meant, whole
from cf_aig_gateway.shapes import as_list, as_object

LEVELS = 5
"""How often escapes are read: JSON stands in strings of JSON."""

MANY = 100
"""Numbers of one array; more of them, as in an embedding, are left out."""

MEDIA = 10_000
"""Characters of base64 from which on it is an image or a file, and left out."""

END: Any = object()
"""Stands for no further part of a value."""

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
    """Add what a JSON value says to the texts, however deep it is nested."""
    within: list[Iterator[tuple[str | None, JsonValue]]] = [iter([(None, value)])]
    while within:
        name, part = next(within[-1], (None, END))
        if name is not None:
            texts[name] = None
        if part is END:
            within.pop()
        elif isinstance(part, str):
            _collect_string(part, texts)
        elif isinstance(part, dict):
            within.append(iter(as_object(part).items()))
        elif isinstance(part, list):
            within.append((None, item) for item in _without_data(as_list(part)))
        elif part is not None:
            texts[json.dumps(part)] = None


def _without_data(items: list[JsonValue]) -> Iterator[JsonValue]:
    """Yield the items of a list, without the numbers of one that has many."""
    is_data = len(items) > MANY and sum(map(_is_number, items)) > MANY
    return (item for item in items if not (is_data and _is_number(item)))


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
