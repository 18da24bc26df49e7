"""Shows a stored body from one character to another, masked and with hidden characters visible."""

import codecs
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator, Iterator
from functools import partial

from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.reading.budget import cut, tokens
from cf_aig_tools.reading.fence import fenced
from cf_aig_tools.reading.loading import PIECE
from cf_aig_tools.reading.masking import Masker, note, visible
from cf_aig_tools.reading.threads import aside, gathered

DENSEST = 16
"""Maximum characters per token; longer runs of one character are rare, and only shorten the result."""


class Window:
    """Keeps some characters of a text that arrives in parts: after an offset, or before its end."""

    def __init__(self, offset: int, size: int) -> None:
        self._offset = offset
        self._size = size
        self._parts: deque[str] = deque()
        self._held = 0
        self.total = 0

    def add(self, part: str) -> None:
        """Take the next part."""
        before, self.total = self.total, self.total + len(part)
        if self._offset >= 0:
            part = part[max(0, self._offset - before) :][: self._size - self._held]
        self._parts.append(part)
        self._held += len(part)
        while self._offset < 0 and self._held - len(self._parts[0]) >= -self._offset:
            self._held -= len(self._parts.popleft())

    @property
    def text(self) -> str:
        """The characters kept."""
        held = "".join(self._parts)
        return held[self._offset :] if self._offset < 0 else held

    @property
    def full(self) -> bool:
        """Whether everything that will be shown has arrived."""
        return self._offset >= 0 and self._held >= self._size

    @property
    def start(self) -> int:
        """The offset of the first character kept."""
        return max(0, self.total + self._offset) if self._offset < 0 else self._offset


class Stored:
    """Counts the characters of a stored body quickly; the count is approximate."""

    def __init__(self, *, binary: bool) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._binary = binary
        self._count = 0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._count += len(chunk) if self._binary else len(self._decoder.decode(chunk))

    @property
    def characters(self) -> int:
        """The number of characters so far; for binary, those of its base64."""
        return -(-self._count // 3) * 4 if self._binary else self._count


class Shown:
    """Decodes stored bytes into display text; bytes that are not UTF-8 become escapes."""

    def __init__(self, masker: Masker, *, binary: bool = False) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._masked = masker.stream()
        self._binary = binary
        self._bytes = b""
        self._held = ""

    def feed(self, chunk: bytes) -> str:
        """Take the next bytes and return the text that is final."""
        if self._binary:
            whole = (self._bytes + chunk)[: (len(self._bytes) + len(chunk)) // 3 * 3]
            self._bytes = (self._bytes + chunk)[len(whole) :]
            return b64encode(whole).decode()
        return self._visible(self._masked.feed(self._decoder.decode(chunk)))

    def end(self) -> str:
        """Return the rest."""
        if self._binary:
            return b64encode(self._bytes).decode()
        rest = self._masked.feed(self._decoder.decode(b"", final=True)) + self._masked.end()
        return self._visible(rest) + visible(self._held)

    def _visible(self, text: str) -> str:
        r"""Make all characters visible except a final `\u`, whose meaning depends on whether a brace follows."""
        text = self._held + text
        self._held = next((end for end in ("\\u", "\\") if text.endswith(end)), "")
        return visible(text.removesuffix(self._held))


async def raw(
    chunks: AsyncIterator[bytes], offset: int, limit: int, budget: int, masker: Masker, *, binary: bool = False
) -> str:
    """Return `limit` characters of the text from `offset`, or as many as `budget` tokens allow, and how to read on.

    Raises:
        GatewayError: the text ends before that offset.

    """
    window = Window(offset, _most(limit, budget))
    later = await fill(window, chunks, masker, binary=binary)
    lead = "Binary, as base64: " if binary else ""
    return await aside(window.total, partial(_windowed, window, limit, budget, lead, later=later))


async def fill(window: Window, chunks: AsyncIterator[bytes], masker: Masker, *, binary: bool = False) -> int:
    """Fill a window with the text of a body; return how many more characters are stored."""
    shown, stored = Shown(masker, binary=binary), Stored(binary=binary)

    def show(chunk: bytes) -> None:
        for start in range(0, len(chunk), PIECE):
            stored.add(chunk[start : start + PIECE])
            if not window.full:
                window.add(shown.feed(chunk[start : start + PIECE]))

    def end() -> int:
        if not window.full:
            window.add(shown.end())
        return max(0, stored.characters - window.total) if window.full else 0

    size = 0
    async for chunk in gathered(chunks):
        size += len(chunk)
        await aside(len(chunk), partial(show, chunk))
    return await aside(size, end)


def part(text: str, offset: int, limit: int, budget: int, lead: str, *, later: int = 0) -> str:
    """Return part of a text that needs no decoding; `lead` describes it, and `later` is how much more is stored.

    Raises:
        GatewayError: the text ends before that offset.

    """
    window = Window(offset, _most(limit, budget))
    window.add(text)
    return _windowed(window, limit, budget, lead, later=later)


def _most(limit: int, budget: int) -> int:
    return min(limit or budget * DENSEST, budget * DENSEST)


def _windowed(window: Window, limit: int, budget: int, lead: str, later: int = 0) -> str:
    """Return the window's content and what is left out, cut until everything fits."""
    if window.total == 0:
        return f"{lead}The body is stored but empty."
    if not window.full and window.start >= window.total:
        raise GatewayError(f"It has {window.total:,} characters: use a smaller offset.")
    text, room = window.text[: _most(limit, budget)], budget
    lead = cut(lead, budget // 2)
    while True:
        text = cut(text, room)
        told = "\n".join(_lines(window, text, lead, later))
        if (over := tokens(told) - budget) <= 0:
            return told
        if room <= 0:
            return cut(told, budget)
        room = min(room, tokens(text)) - over


def _lines(window: Window, text: str, lead: str, later: int) -> Iterator[str]:
    end = window.start + len(text)
    masked, total = note(text), window.total + later
    yield f"{lead}{total:,} characters" + (f", {masked} masked" if masked else "")
    yield fenced(text)
    rest = [f"{window.start:,} characters before"] if window.start else []
    rest += [f"{total - end:,} after: offset={end}"] if end < total else []
    if rest:
        yield f"Left out: {', '.join(rest)}"
