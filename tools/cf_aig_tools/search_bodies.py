"""Finds logs whose stored bodies contain a text."""

from typing import Annotated, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.asked import Asked
from cf_aig_tools.bodies import Bodies, Part
from cf_aig_tools.body_search import BodySearch, Sought
from cf_aig_tools.body_search_result import MOST_LIMIT, Result
from cf_aig_tools.desk import Call, Desk, desk_of, said
from cf_aig_tools.elsewhere import matches_elsewhere
from cf_aig_tools.parameters import Budget, Clauses, Metadata, metadata_key, span, wanted, wire_date
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.needle import Needle, of_regex, of_text
from cf_aig_tools.summary.figures import ASKERS, DIMENSIONS

ANNOTATIONS = ToolAnnotations(title="Search bodies", read_only_hint=True, open_world_hint=True)

PARTS: dict[str, tuple[Part, ...]] = {
    "request": ("request",),
    "response": ("response",),
    "both": ("request", "response"),
}

SHARE = 0.8
"""Share of a call's time used for searching; the rest is for the report."""


async def search_bodies(
    ctx: Call,
    text: Annotated[str, Field(description="Or a kind of secret: openai_key")] = "",
    regex: Annotated[str, Field(description="Or RE2 regex")] = "",
    part: Literal["request", "response", "both"] = "both",
    gateway_id: Annotated[str, Field(description="These through filters: as in list_logs")] = "",
    start_date: str = "",
    end_date: str = "",
    success: bool | None = None,
    cached: bool | None = None,
    provider: str = "",
    model: str = "",
    feedback: Literal[-1, 0, 1] | None = None,
    metadata: Metadata = {},  # noqa: B006 (only read)
    filters: Clauses = [],  # noqa: B006
    group_by: Annotated[str, Field(description="Count by day, model, metadata.<key>")] = "",
    limit: Annotated[int, Field(ge=1, le=MOST_LIMIT)] = 10,
    budget: Budget = 2000,
) -> CallToolResult:
    """Logs whose bodies contain a text, newest first: who leaked it, who was told, since when."""
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    needle = _needle(text, regex)
    groups = dict.fromkeys([*DIMENSIONS, *ASKERS])
    if group_by and group_by not in groups and not metadata_key(group_by):
        raise GatewayError(f"group_by must be {', '.join(groups)} or metadata.<key> (got {group_by[:80]!r}).")
    start, end = span(start_date, end_date)
    asked = Asked(
        desk.gateway,
        wanted(
            filters,
            metadata,
            desk.masker,
            success=success,
            cached=cached,
            provider=provider.lower(),
            model=model,
            feedback=feedback,
        ),
        start and wire_date(start),
        end and wire_date(end),
        "",
        desk.masker,
    )
    masker = Masker(own=desk.masker.own) if needle.is_secret else desk.masker
    search = BodySearch(Bodies(desk.gateway, gateway), Sought(needle, PARTS[part], masker, 0 if group_by else limit))
    await search.run(asked, SHARE * desk.timeout_s)
    result = Result(search, asked, min(budget, desk.max_budget))
    if search.hits:
        return said(result.groups(group_by) if group_by else result.hits())
    return said(result.nothing("" if search.total else await _elsewhere(desk, asked, gateway, bool(gateway_id))))


def _needle(text: str, regex: str) -> Needle:
    if bool(text.strip()) == bool(regex):
        raise GatewayError('Give either text or regex: text="refund code", or regex="(?i)refund (code|id)".')
    return of_regex(regex) if regex else of_text(text)


async def _elsewhere(desk: Desk, asked: Asked, gateway: str, is_named: bool) -> str:
    """Explain why no log is selected, as far as that can be known."""
    hint = await asked.unknown_key(gateway)
    return desk.masker.mask(hint if hint or is_named else await matches_elsewhere(desk, gateway, asked.count))
