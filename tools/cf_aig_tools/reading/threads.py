"""Runs slow work on large bodies in a thread, so that other calls are served meanwhile."""

from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")

SMALL = 32 * 1024
"""Bodies up to this many bytes are processed directly, in milliseconds."""

IN_THREADS = 2
"""Maximum bodies processed in threads at once; each takes several times its size in memory."""

GATHERED = 256 * 1024
"""Bytes of a body processed per turn of a thread."""

_threads: RunVar[anyio.CapacityLimiter] = RunVar("threads that read bodies")


async def aside(size: int, work: Callable[[], T]) -> T:
    """Return the result of `work`, which runs in a thread if it processes more than SMALL bytes."""
    if size <= SMALL:
        return work()
    try:
        threads = _threads.get()
    except LookupError:
        threads = anyio.CapacityLimiter(IN_THREADS)
        _threads.set(threads)
    return await anyio.to_thread.run_sync(work, limiter=threads, abandon_on_cancel=True)


async def gathered(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the chunks combined into larger ones."""
    held, size = list[bytes](), 0
    async for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= GATHERED:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
