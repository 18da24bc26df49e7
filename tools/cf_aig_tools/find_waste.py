"""Finds money and time that were spent unnecessarily."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_tools.desk import Call, desk_of
from cf_aig_tools.elsewhere import matches_elsewhere
from cf_aig_tools.parameters import Clauses, GatewayId, Metadata, span, wanted
from cf_aig_tools.summary.scope import Scope

ANNOTATIONS = ToolAnnotations(title="Find waste", read_only_hint=True, open_world_hint=True)

DEFAULT_SPAN = timedelta(hours=24)

SHARE = 0.8
"""Share of a call's time used for reading; the rest is for the report."""


class WasteReport(BaseModel):
    """Kinds of waste as [kind, calls, tokens, US dollars, example log id, causes, fix].

    Causes are [cause, calls, US dollars]. Each call counts once.
    """

    summary: str
    kinds: list[list[Any]] = []
    basis: str
    next: str | None = None


async def find_waste(
    ctx: Call,
    gateway_id: GatewayId = "",
    start_date: Annotated[str, Field(description="As in summarize_logs")] = "",
    end_date: str = "",
    provider: str = "",
    model: str = "",
    metadata: Metadata = {},  # noqa: B006 (only read)
    filters: Annotated[Clauses, Field(description="As in list_logs")] = [],  # noqa: B006
) -> Annotated[CallToolResult, WasteReport]:
    """Avoidable spending by kind and cause, with the change that saves it: prompt cache misses, repeated requests,
    retries, truncated replies, heavy tools and history, reasoning, expensive models.
    """
    from cf_aig_tools.waste.search import search  # noqa: PLC0415 (loaded when first asked for)
    from cf_aig_tools.waste.telling import Told  # noqa: PLC0415

    desk = desk_of(ctx)
    start, end = span(start_date, end_date)
    end = (end or datetime.now(UTC)).astimezone(UTC)
    asked = wanted(filters, metadata, desk.masker, provider=provider.lower(), model=model)
    start = (start or end - DEFAULT_SPAN).astimezone(UTC)
    scope = Scope(desk.gateway, gateway_id or desk.default_gateway, start, end, asked)
    reading, found = await search(scope, SHARE * desk.timeout_s)
    elsewhere = "" if reading.calls or gateway_id else await matches_elsewhere(desk, scope.gateway_id, scope.count)
    return Told(reading, found.sums(), desk.masker, elsewhere).result()
