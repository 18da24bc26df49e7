"""Detects the kind of a body from how it begins."""

import re
from collections.abc import AsyncIterator
from typing import Literal

from cf_aig_gateway import formats
from cf_aig_gateway.json_text import BOM

Form = Literal["json", "events", "text", "binary"]

OPENING = 4096
"""Bytes used to detect the kind of a body."""

_EVENT_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


async def opened(chunks: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """Return the beginning of a body, and all its chunks including the beginning."""
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        if len(held) >= OPENING:
            break
    return bytes(held[:OPENING]), _after(bytes(held), chunks)


async def _after(held: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if held:
        yield held
    async for chunk in chunks:
        yield chunk


async def chunked(body: bytes) -> AsyncIterator[bytes]:
    """Yield a body that is already complete."""
    yield body


def form_of(opening: bytes) -> Form:
    """Return the kind of a body, from its first `OPENING` bytes."""
    if formats.begins_stream(opening):
        return "events"
    if _BINARY.search(opening) or _is_torn(opening):
        return "binary"
    start = opening.removeprefix(BOM).lstrip()
    if start[:1] in {b"{", b"["}:
        return "json"
    if start and any(start.startswith(field) or field.startswith(start) for field in _EVENT_FIELDS):
        return "events"
    return "text"


def _is_torn(opening: bytes) -> bool:
    """Whether more than a tenth of the bytes are not UTF-8."""
    return opening.decode("utf-8", "replace").count("\ufffd") * 10 > len(opening)
