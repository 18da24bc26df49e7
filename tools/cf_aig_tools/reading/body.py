"""Reads a whole stored body, whether it is JSON or a stream of events."""

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from cf_aig_gateway import formats
from cf_aig_gateway.formats import Conversation
from cf_aig_gateway.formats.content import NO_GAP
from cf_aig_gateway.json_text import BOM
from cf_aig_tools.reading.forms import Form
from cf_aig_tools.reading.loading import PIECE, TooMany, load
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.skeleton import Skeleton
from cf_aig_tools.reading.threads import aside, gathered

T = TypeVar("T")


@dataclass(frozen=True)
class Body:
    """A parsed body; `gap` finds what was cut out of its strings.

    For a stream: how it ended badly, and its `text`, unless its message contains a secret that the events show in
    parts. `size` is the number of bytes read.
    """

    value: Any
    gap: re.Pattern[str] = NO_GAP
    broken: str = ""
    error: str = ""
    text: str = ""
    size: int = 0

    def conversation(self) -> Conversation | None:
        """Return the conversation in it, or None."""
        held = formats.read(self.value, self.gap) or (Conversation("stream") if self.error else None)
        return replace(held, broken=self.broken, error=held.error or self.error) if held else None


async def outlined(chunks: AsyncIterable[bytes], form: Form, recent: int, told: Callable[[Body], T]) -> T:
    """Return the result of `told` for a body that isn't kept whole: long strings keep only what is shown of them.

    The last `recent` bytes of JSON are kept whole. A body of one piece is handled in one turn of a thread.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deep.

    """
    reader = _Stream() if form == "events" else _Json(recent)
    size, last = 0, b""
    async for chunk in gathered(chunks):
        if last:
            await aside(len(last), partial(reader.add, last))
        size, last = size + len(chunk), chunk

    def rest() -> T:
        reader.add(last)
        return told(replace(reader.body(), size=size))

    return await aside(size, rest)


async def complete(chunks: AsyncIterator[bytes], form: Form, masker: Masker) -> Body:
    """Read all of a body, masked before anything is extracted; if it is not JSON, it is one text."""
    stored = b"".join([chunk async for chunk in chunks])
    return await aside(len(stored), partial(whole, stored, form, masker))


def whole(stored: bytes, form: Form, masker: Masker) -> Body:
    """Read a complete body, masked before anything is extracted.

    A body that is not JSON, or has too many values, is one text. The `text` of a stream is as stored.
    """
    size = len(stored)
    stored = stored.removeprefix(BOM)
    text = stored.decode("utf-8", "surrogateescape")
    if form == "events":
        stream = _Stream()
        for start in range(0, len(stored), PIECE):
            stream.add(stored[start : start + PIECE])
        body = stream.body()
        masked = masker.masked(body.value)
        return replace(body, value=masked, size=size) if masked != body.value else replace(body, text=text, size=size)
    said = masker.mask(text)
    try:
        return Body(load(said), size=size)
    except TooMany:
        return Body(said, size=size)
    except (ValueError, RecursionError):
        pass
    with suppress(ValueError, RecursionError):
        if said != text:
            return Body(masker.masked(load(text)), size=size)
    return Body(said, size=size)


class _Json:
    """Takes the chunks of a JSON text."""

    def __init__(self, recent: int) -> None:
        self._skeleton = Skeleton(recent)
        self.add = self._skeleton.add

    def body(self) -> Body:
        return Body(self._skeleton.value(), self._skeleton.gap)


class _Stream:
    """Takes the chunks of a stream and assembles its events."""

    def __init__(self) -> None:
        self._stream = formats.stream()
        self.add = self._stream.add

    def body(self) -> Body:
        self._stream.end()
        error = self._stream.error
        return Body(self._stream.reply(), broken=self._stream.broken(), error=error.told() if error else "")
