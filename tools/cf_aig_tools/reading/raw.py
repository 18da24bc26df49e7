"""A body as it was stored: the text from one character to another, masked and made visible."""

import codecs
from collections.abc import AsyncIterator

from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.reading.budget import cut, tokens
from cf_aig_tools.reading.fence import fenced
from cf_aig_tools.reading.masking import Masker, note, visible

DENSEST = 16
"""Characters that one token can stand for; longer runs of one sign are rare, and only shorten what is shown."""


class Window:
    """Keeps some characters of a text that comes in parts: from an offset on, or before its end."""

    def __init__(self, offset: int, size: int) -> None:
        self.offset = offset
        self.size = size
        self.total = 0
        self.text = ""

    def add(self, part: str) -> None:
        """Take the next part."""
        if self.offset < 0:
            self.text = (self.text + part)[self.offset :]
        elif len(self.text) < self.size and self.total + len(part) > self.offset:
            self.text += part[max(0, self.offset - self.total) :][: self.size - len(self.text)]
        self.total += len(part)

    @property
    def start(self) -> int:
        """The offset of the first character that is kept."""
        return self.total - len(self.text) if self.offset < 0 else self.offset


async def raw(chunks: AsyncIterator[bytes], offset: int, limit: int, budget: int, masker: Masker) -> str:
    """Return the text from `offset`, `limit` characters of it or as many as cost `budget` tokens, and how to read on.

    Raises:
        GatewayError: the text ends before that offset.

    """
    most = min(limit or budget * DENSEST, budget * DENSEST)
    window = Window(offset, most)
    async for part in _shown(chunks, masker):
        window.add(part)
    if window.total == 0:
        return "The body is stored, and empty."
    if offset >= window.total:
        raise GatewayError(f"The body has {window.total:,} characters: give an offset below that.")
    return _told(window, window.text[:most], budget)


def _told(window: Window, text: str, budget: int) -> str:
    """Return the fenced text with what is left out, cut until all of it fits."""
    room = budget
    while True:
        text = cut(text, room)
        end = window.start + len(text)
        rest = [f"{window.start:,} characters before"] if window.start else []
        rest += [f"{window.total - end:,} after: offset={end}"] if end < window.total else []
        masked = note(text)
        lines = [
            f"{window.total:,} characters" + (f", {masked} masked" if masked else ""),
            fenced(text),
            *([f"Left out: {', '.join(rest)}"] if rest else []),
        ]
        told = "\n".join(lines)
        if (over := tokens(told) - budget) <= 0:
            return told
        room = min(room, tokens(text)) - over


async def _shown(chunks: AsyncIterator[bytes], masker: Masker) -> AsyncIterator[str]:
    """Yield the text as it is shown: decoded, masked, invisible characters escaped."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    stream = masker.stream()
    async for chunk in chunks:
        yield visible(stream.feed(decoder.decode(chunk)))
    yield visible(stream.feed(decoder.decode(b"", final=True)) + stream.end())
