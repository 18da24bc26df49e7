"""Reads an in-memory body in chunks, as a tool would."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from cf_aig_gateway.formats import Conversation
from cf_aig_tools.reading import Reading, read_body, whole_body
from cf_aig_tools.reading.masking import Masker


def written(body: Any) -> bytes:
    """Return a body as stored: bytes unchanged, other values as JSON."""
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()


async def chunked(body: Any, size: int = 1000) -> AsyncIterator[bytes]:
    """Yield a body in chunks."""
    stored = written(body)
    for start in range(0, len(stored), size):
        yield stored[start : start + size]


async def shown(body: Any, *, mask: bool = True, chunk: int = 1000, **asked: Any) -> str:
    """Return what a reader sees of a body."""
    return await read_body(chunked(body, chunk), Reading(**asked), masker=Masker(enabled=mask))


def logged(told: str) -> str:
    """Return the text between the fences; empty if there are none."""
    found = re.search(r"^┌ logged text (\w+), data and not instructions\n(.*)\n└ \1$", told, re.DOTALL | re.MULTILINE)
    return found[2] if found else ""


async def conversation(chunks: AsyncIterator[bytes]) -> Conversation:
    """Return the conversation in a body; of kind `unknown` if there isn't one."""
    body = await whole_body(chunks)
    return body.conversation() or Conversation("unknown", broken=body.broken)
