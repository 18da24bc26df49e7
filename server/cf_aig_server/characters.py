"""Half characters, which JSON can carry and UTF-8 cannot: none comes in, and none goes out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic_core import PydanticSerializationError, to_json

from cf_aig_gateway.json_text import whole


async def whole_characters(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Replace half characters in what a client sends and in what it is answered, whatever the method."""
    if not _is_whole(ctx.params):
        ctx = replace(ctx, params=cast(Mapping[str, Any], whole(ctx.params)))
    try:
        result = await call_next(ctx)
    except MCPError as error:
        if _is_whole([error.message, error.data]):
            raise
        raise MCPError(error.code, whole(error.message), whole(error.data)) from error
    return result if _is_whole(result) else whole(result)


def _is_whole(value: Any) -> bool:
    """Say whether a value can be written as JSON in UTF-8: half a millisecond for a megabyte."""
    try:
        to_json(value)
    except PydanticSerializationError:
        return False
    return True
