"""Logs one line on stderr per answered message, if requested: what it was, its duration and its outcome."""

import logging
import time
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError

from cf_aig_gateway.shapes import as_object, as_text

LOG = logging.getLogger(__name__)

MAX_NAME = 40
"""Maximum characters of a tool name in a line."""


async def timed(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Answer a message, and log its method, tool, milliseconds and outcome, but no arguments or results."""
    began = time.perf_counter()
    outcome = "failed"
    try:
        result = await call_next(ctx)
        outcome = "an error" if as_object(result).get("isError") else "ok"
        return result
    except MCPError as error:
        outcome = f"refused ({error.code})"
        raise
    finally:
        tool = as_text(as_object(ctx.params).get("name"))[:MAX_NAME] if ctx.method == "tools/call" else ""
        said = f"{ctx.method} {tool!r}" if tool and not tool.isidentifier() else f"{ctx.method} {tool}".strip()
        LOG.info("%s: %s, %.1f ms", said, outcome, 1000 * (time.perf_counter() - began))
