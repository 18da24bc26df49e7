"""The calls under way, for what must not end in the middle of them."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

LISTENING = "subscriptions/listen"
"""The one request that no answer ends."""


class Calls:
    """Counts the messages that are being answered, as a middleware of the server."""

    def __init__(self) -> None:
        self._count = 0

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Count one message for as long as it is answered."""
        counts = ctx.method != LISTENING
        self._count += counts
        try:
            return await call_next(ctx)
        finally:
            self._count -= counts

    def under_way(self) -> bool:
        """Whether any call is under way."""
        return self._count > 0
