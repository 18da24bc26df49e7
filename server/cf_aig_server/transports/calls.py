"""Tracks the calls in progress, so that the server does not stop in the middle of one."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

LISTENING = "subscriptions/listen"
"""The one request that no response ends."""


class Calls:
    """Counts the messages being answered, as a middleware of the server."""

    def __init__(self) -> None:
        self._count = 0

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Count one message while it is being answered."""
        counts = ctx.method != LISTENING
        self._count += counts
        try:
            return await call_next(ctx)
        finally:
            self._count -= counts

    def under_way(self) -> bool:
        """Whether any call is in progress."""
        return self._count > 0
