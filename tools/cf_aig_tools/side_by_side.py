"""Runs requests concurrently, a few at a time."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import anyio

AT_ONCE = 8
"""Maximum concurrent requests."""

T = TypeVar("T")


async def together(works: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Return all results, running AT_ONCE at a time; the first error cancels the rest."""
    turns = anyio.Semaphore(AT_ONCE)
    results: dict[int, T] = {}

    async def run(number: int, work: Callable[[], Awaitable[T]]) -> None:
        async with turns:
            results[number] = await work()

    with first_error():
        async with anyio.create_task_group() as tasks:
            for number, work in enumerate(works):
                tasks.start_soon(run, number, work)
    return [results[number] for number in range(len(works))]


@contextmanager
def first_error() -> Generator[None]:
    """Raise the original error of a task group."""
    try:
        yield
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
