"""Reads the stored bodies of many logs concurrently, within limits."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import anyio

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import NotFound
from cf_aig_gateway.formats.conversation import Conversation
from cf_aig_tools.reading import whole_body
from cf_aig_tools.reading.forms import chunked
from cf_aig_tools.reading.threads import aside
from cf_aig_tools.side_by_side import together

Part = Literal["request", "response"]
Wanted = tuple[str, Part]
"""A log id, and which of its bodies."""

MOST_BYTES = 32 * 1024 * 1024
"""Maximum bytes of a body that are read in raw form."""


@dataclass(frozen=True)
class Stored:
    """A stored body: its unmasked value, the conversation in it, and its size in bytes."""

    value: Any
    held: Conversation
    size: int = 0


@dataclass(frozen=True)
class Raw:
    """A body as stored; `is_cut` means that only its beginning was read."""

    data: bytes
    is_cut: bool


@dataclass(frozen=True)
class Bodies:
    """The bodies of a gateway's logs."""

    gateway: AIGateway
    gateway_id: str

    async def read(self, log_id: str, part: Part) -> Stored | None:
        """Return a body, or None if it is not stored."""
        try:
            async with self._opened(log_id, part) as opened:
                return await _stored(opened.chunks)
        except NotFound:
            return None

    async def beginning(self, log_id: str, part: Part, most: int) -> str:
        """Return the first `most` bytes of a body as text.

        Raises:
            NotFound: it is not stored.

        """
        return (await self._first(log_id, part, most)).data.decode(errors="replace")

    async def raw(self, log_id: str, part: Part) -> Raw | None:
        """Return at most MOST_BYTES of a body, or None if it is not stored."""
        try:
            return await self._first(log_id, part, MOST_BYTES)
        except NotFound:
            return None

    async def read_all(
        self, wanted: Sequence[Wanted], take: Callable[[Wanted, Stored | None], None], patience_s: float
    ) -> None:
        """Pass each body to `take` once, as it is read, for at most `patience_s` seconds."""

        async def read(each: Wanted) -> None:
            take(each, await self.read(*each))

        with anyio.move_on_after(patience_s):
            await together([partial(read, each) for each in dict.fromkeys(wanted)])

    async def _first(self, log_id: str, part: Part, most: int) -> Raw:
        chunks, size = list[bytes](), 0
        async with self._opened(log_id, part) as opened:
            async for chunk in opened.chunks:
                chunks.append(chunk)
                size += len(chunk)
                if size > most:
                    break
            return Raw(b"".join(chunks)[:most], size > most or bool(opened.note))

    def _opened(self, log_id: str, part: Part) -> Any:
        opening = self.gateway.request_body if part == "request" else self.gateway.response_body
        return opening(self.gateway_id, log_id)


async def stored_text(text: str) -> Stored:
    """Return a body given as text."""

    return await _stored(chunked(text.encode("utf-8", "surrogateescape")))


async def _stored(chunks: AsyncIterator[bytes]) -> Stored:
    held = await whole_body(chunks)
    conversation = await aside(held.size, held.conversation)
    return Stored(held.value, conversation or Conversation("unknown", broken=held.broken), held.size)
