"""A sign of life from calls that take long."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.mcpserver import Context

EVERY_S = 1.0
"""How long a call may be silent."""


@asynccontextmanager
async def progress(context: Context[Any, Any]) -> AsyncGenerator[None]:
    """Report the seconds that pass while the body runs, to a client that asked for progress."""
    reporting = asyncio.create_task(_report(context))
    try:
        yield
    finally:
        reporting.cancel()


async def _report(context: Context[Any, Any]) -> None:
    started = time.monotonic()
    while True:
        await asyncio.sleep(EVERY_S)
        passed = round(time.monotonic() - started)
        await context.report_progress(passed, message=f"{passed} s, waiting for the gateway")
