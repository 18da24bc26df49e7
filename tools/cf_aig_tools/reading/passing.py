"""Keeps the beginning of a body while it is read, to show it if its format turns out to be unknown."""

from collections.abc import AsyncIterator

from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.raw import DENSEST, Shown, part
from cf_aig_tools.reading.skeleton import OF_WORDS


class Passing:
    """Passes chunks through, keeping as many leading bytes as `budget` tokens can show."""

    def __init__(self, chunks: AsyncIterator[bytes], budget: int) -> None:
        self._chunks = chunks
        self._most = budget * DENSEST
        self._opening = bytearray()
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield every chunk."""
        async for chunk in self._chunks:
            self._opening += chunk[: self._most - len(self._opening)]
            self.size += len(chunk)
            yield chunk

    def shown(self, budget: int, masker: Masker, lead: str) -> str:
        """Return the beginning of the body as stored."""
        opening = bytes(self._opening)
        if self.size > len(opening):
            opening = opening.rstrip(OF_WORDS)
        text = Shown(masker)
        return part(text.feed(opening) + text.end(), 0, 0, budget, lead, later=self.size - len(opening))
