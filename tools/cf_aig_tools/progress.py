"""Reports progress of slow calls."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from mcp.server.mcpserver import Context

EVERY_S = 1.0
"""Longest silence of a call, in seconds."""


class Doing:
    """What the current call reports about itself."""

    words = "waiting for the gateway"


_doing: ContextVar[Doing] = ContextVar("doing")


def say(words: str) -> None:
    """Change what the next progress report of the current call says, if there is one."""
    if doing := _doing.get(None):
        doing.words = words


def is_watched(context: Context[Any, Any]) -> bool:
    """Whether the client asked for progress."""
    return "progress_token" in (context.request_context.meta or {})


@asynccontextmanager
async def progress(context: Context[Any, Any]) -> AsyncGenerator[None]:
    """Report elapsed seconds while the body runs, if the client asked for progress; most calls end within the first."""
    _doing.set(Doing())
    reporting: list[asyncio.Task[None]] = []
    timer = asyncio.get_running_loop().call_later(
        EVERY_S, lambda: reporting.append(asyncio.create_task(_report(context)))
    )
    try:
        yield
    finally:
        timer.cancel()
        for task in reporting:
            task.cancel()


async def _report(context: Context[Any, Any]) -> None:
    began = time.monotonic() - EVERY_S
    while True:
        passed = round(time.monotonic() - began)
        await context.report_progress(passed, message=f"{passed} s, {_doing.get().words}")
        await asyncio.sleep(EVERY_S)
