"""Turns a log's bodies into one text to search."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import JsonValue

from cf_aig_gateway import formats
from cf_aig_gateway.json_text import BOM, ESCAPES, load_json, meant, whole
from cf_aig_gateway.shapes import as_list, as_object

LEVELS = 5
"""How many levels of escapes are read, as for JSON inside JSON strings."""

MANY = 100
"""The most numbers of one array; longer ones, as in an embedding, are left out."""

MEDIA = 10_000
"""Characters from which base64 counts as an image or a file, and is left out."""

END: Any = object()
"""Marks the end of a value's parts."""

OPENING = 4096
"""Bytes examined to see whether JSON is the events of a stream."""

CHUNK = 1 << 16
"""Bytes of a stream read at a time."""

_MEDIA = re.compile(rf"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/=_-]{{{MEDIA},}}")


def body_text(bodies: Iterable[bytes | None]) -> str:
    """Return the strings, other values and member names in the bodies, each once and on its own line.

    A string with escapes is followed by its text without them. A stream is included both raw and as its assembled
    reply; a body that isn't JSON is included raw.

    Raises:
        RecursionError: the JSON is nested too deeply.

    """
    texts: dict[str, None] = {}
    for body in filter(None, bodies):
        for value in _values(body.removeprefix(BOM)):
            _collect(value, texts)
    return whole("\n".join(texts))


def _values(body: bytes) -> Iterator[Any]:
    """Yield the JSON of a body, or its text. For a stream, also yield its reply."""
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
    """Return the value of JSON, even loosely written; None for anything else."""
    try:
        return load_json(body)
    except ValueError:
        pass
    try:
        return json.loads(body.decode("utf-8", "replace"), strict=False)
    except ValueError:
        return None


def _collect(value: JsonValue, texts: dict[str, None]) -> None:
    """Add the texts in a JSON value, however deeply nested."""
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
    """Yield the items of a list, without its numbers if it has many."""
    is_data = len(items) > MANY and sum(map(_is_number, items)) > MANY
    return (item for item in items if not (is_data and _is_number(item)))


def _collect_string(text: str, texts: dict[str, None]) -> None:
    """Add a string, and its text with escapes resolved, level by level."""
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
