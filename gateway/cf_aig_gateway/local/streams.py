"""Passes a provider's event stream to the caller as it arrives, and logs it before its end."""

from contextlib import aclosing
from dataclasses import dataclass

import anyio
from starlette.types import Receive, Scope, Send

from cf_aig_gateway import formats
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.exchange import CLIENT_LEFT, MAX_STORED, Exchange
from cf_aig_gateway.local.faults import UPSTREAM_BROKE
from cf_aig_gateway.local.providers.answers import Answer, BrokenOff
from cf_aig_gateway.local.usage import usage_of_stream

ENDS = tuple({end for known in formats.FORMATS for end in known.ends})
"""The first bytes of a stream's last event."""

OPENING = 64
"""Bytes examined to find the kind of a stream."""

TAIL = 64 * 1024
"""Bytes kept from the end of a stream that is too large to store, to read its usage."""


class Transcript:
    """The part of a stream that has passed."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._cut = False

    def add(self, chunk: bytes) -> None:
        """Take a chunk. Of a stream that is too large to store, only the end is kept."""
        self._bytes += chunk
        if self._cut or len(self._bytes) > MAX_STORED:
            self._cut = True
            del self._bytes[:-TAIL]

    @property
    def is_at_end(self) -> bool:
        """Whether the last event has passed completely."""
        if not self._bytes.endswith(b"\n\n"):
            return False
        start = self._bytes.rfind(b"\n\n", 0, -2)
        return self._bytes.startswith(ENDS, start + 2 if start >= 0 else 0)

    @property
    def is_whole(self) -> bool:
        """Whether it doesn't stop in the middle of an event."""
        if not formats.begins_stream(bytes(self._bytes[:OPENING])):
            return self._bytes.endswith(b"\n")
        stream = formats.stream()
        stream.add(bytes(self._bytes))
        stream.end()
        return not stream.is_torn

    @property
    def body(self) -> bytes | None:
        """Return the stream to store; None if it is too large."""
        return None if self._cut else bytes(self._bytes)

    def usage(self, call: Call, *, is_whole: bool) -> Usage:
        """Return the tokens that the provider reported, or an estimate if it reported none."""
        return usage_of_stream(call.provider, bytes(self._bytes), call.content, is_whole=is_whole)


@dataclass
class StreamReply:
    """A streamed reply: an ASGI application."""

    exchange: Exchange
    answer: Answer
    headers: dict[str, str]

    @property
    def status_code(self) -> int:
        """The HTTP status, under Starlette's name."""
        return self.answer.status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's signature)
        transcript = Transcript()
        try:
            await self._pass_on(transcript, send)
        except BrokenOff:
            await self._log(transcript, UPSTREAM_BROKE)  # no final message: the caller's connection breaks, too
        except anyio.get_cancelled_exc_class():
            await self._log(transcript, CLIENT_LEFT)
            raise

    async def _pass_on(self, transcript: Transcript, send: Send) -> None:
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in self.headers.items()]
        async with aclosing(self.answer.chunks) as chunks:
            await send({"type": "http.response.start", "status": self.answer.status, "headers": headers})
            async for chunk in chunks:
                transcript.add(chunk)
                if transcript.is_at_end:
                    await self._log(transcript, self.answer.status)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._log(transcript, self.answer.status if transcript.is_whole else UPSTREAM_BROKE)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _log(self, transcript: Transcript, status: int) -> None:
        usage = transcript.usage(self.exchange.call, is_whole=200 <= status < 300)
        await self.exchange.log(status, transcript.body, self.answer.content_type, usage)
