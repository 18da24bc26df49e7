"""Work that takes long where a body is large: done in a thread, so that other calls are answered meanwhile."""

from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")

SMALL = 32 * 1024
"""Bytes of a body that is read at once, in milliseconds."""

IN_THREADS = 2
"""Bodies that are read in threads at a time: each takes several times its size."""

GATHERED = 256 * 1024
"""Bytes of a body that one turn of a thread takes."""

_threads: RunVar[anyio.CapacityLimiter] = RunVar("threads that read bodies")


async def aside(size: int, work: Callable[[], T]) -> T:
    """Return what `work` on about so many bytes returns; more than SMALL are worked on in a thread."""
    if size <= SMALL:
        return work()
    try:
        threads = _threads.get()
    except LookupError:
        threads = anyio.CapacityLimiter(IN_THREADS)
        _threads.set(threads)
    return await anyio.to_thread.run_sync(work, limiter=threads, abandon_on_cancel=True)


async def gathered(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield what comes in larger chunks."""
    held, size = list[bytes](), 0
    async for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= GATHERED:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
