"""Requests that are made side by side, a few at a time."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import anyio

AT_ONCE = 8
"""Requests under way at a time."""

T = TypeVar("T")


async def together(works: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Return what each returns, AT_ONCE of them at a time; the first error ends all."""
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
    """Raise what went wrong in a group of tasks as it is."""
    try:
        yield
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
