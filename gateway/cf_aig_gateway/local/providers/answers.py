"""A provider's reply: a status, headers, and chunks as they arrive."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio

from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.faults import no_answer

EVENT_STREAM = "text/event-stream"
JSON = "application/json"

CONNECTION = {"content-length", "content-encoding", "transfer-encoding", "connection", "set-cookie"}


class BrokenOff(Exception):
    """A provider's stream ended before its end."""


class Chunks(Protocol):
    """A body as it arrives, read once. Raises `BrokenOff` if it ends early."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the chunks."""
        ...

    def aclose(self) -> Awaitable[None]:
        """End the call upstream, whether the body was read or not."""
        ...


@dataclass
class Answer:
    """A provider's reply."""

    status: int
    chunks: Chunks
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": JSON})

    @property
    def content_type(self) -> str:
        """Return the media type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def success(self) -> bool:
        """Whether the provider did what it was asked."""
        return 200 <= self.status < 300

    async def whole(self) -> bytes:
        """Read the reply to its end.

        Raises:
            Fault: it broke off.

        """
        try:
            async with aclosing(self.chunks) as chunks:
                return b"".join([chunk async for chunk in chunks])
        except BrokenOff as broken:
            raise no_answer(str(broken)) from broken

    def kept_headers(self) -> dict[str, str]:
        """Return the headers meant for the caller: all except those of the provider's connection."""
        return {name: value for name, value in self.headers.items() if name not in CONNECTION}


def json_answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a whole JSON reply."""
    return Answer(status, _once(write_json(body)), {"content-type": JSON, **(headers or {})})


def stream_answer(events: Iterable[bytes], kind: str, *, breaks: bool, pace_s: float) -> Answer:
    """Return a stream of events, `pace_s` seconds apart. A stream that breaks ends in the middle."""
    return Answer(200, _each(list(events), breaks, pace_s), {"content-type": kind})


async def _once(body: bytes) -> AsyncGenerator[bytes]:
    yield body


async def _each(events: list[bytes], breaks: bool, pace_s: float) -> AsyncGenerator[bytes]:
    for event in events[: len(events) // 2] if breaks else events:
        yield event
        await anyio.sleep(pace_s)
    if breaks:
        raise BrokenOff("the provider closed the connection mid-stream")


class Upstream(Protocol):
    """Answers calls: simulated providers, or the real ones."""

    async def __call__(self, call: Call) -> Answer:
        """Return the answer once its headers have arrived. Raise `Fault` if there isn't one."""
        ...
