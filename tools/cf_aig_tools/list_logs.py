"""The logs of a gateway, as a table."""

from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_gateway import filters as filter_language
from cf_aig_gateway.answers import Page as LogPage
from cf_aig_gateway.filters import OrderBy
from cf_aig_gateway.models import Log, ResultInfo
from cf_aig_tools.desk import Call, answer, cost, desk_of
from cf_aig_tools.log_rows import common_date, log_rows, page_figures
from cf_aig_tools.parameters import Clause, GatewayId, Metadata, Page, PerPage, clauses, holds, span, wire_date
from cf_aig_tools.tables import Cell, table

ANNOTATIONS = ToolAnnotations(title="List logs", read_only_hint=True, open_world_hint=True)

MAX_TOKENS = 4500
"""Tokens of a page: what 50 ordinary rows cost at most. Longer cells are cut until it fits, rows never."""

CELLS = (80, 40, 20, 10, 5)
"""Characters of the longest cell, tried in turn."""


class Logs(BaseModel):
    """One page of logs (the first where it names none); `same` holds what is the same in every row."""

    summary: str
    total_count: int
    page: int | None = None
    same: dict[str, Any] | None = None
    columns: list[str] = []
    rows: list[list[Any]] = []
    next: str


async def list_logs(
    ctx: Call,
    gateway_id: GatewayId = "",
    page: Page = 1,
    per_page: PerPage = 20,
    order_by: OrderBy = "created_at",
    order_by_direction: Literal["asc", "desc"] = "desc",
    start_date: Annotated[str, Field(description="ISO 8601, or a span back from now: 90m, 24h, 7d")] = "",
    end_date: str = "",
    success: bool | None = None,
    cached: bool | None = None,
    provider: str = "",
    model: Annotated[str, Field(description="Exact, as in the rows")] = "",
    feedback: Literal[-1, 0, 1] | None = None,
    search: Annotated[str, Field(description="Text in metadata")] = "",
    metadata: Annotated[Metadata, Field(description="Pairs that must all be there")] = {},  # noqa: B006 (only read)
    filters: Annotated[list[Clause], Field(description="All must hold; any of a clause's values")] = [],  # noqa: B006
    fields: Annotated[list[str], Field(description="Columns instead of the usual, any of a log's fields")] = [],  # noqa: B006
) -> Annotated[CallToolResult, Logs]:
    """Logged requests as a table, newest first: id, UTC time, model, status, seconds, tokens in/out, US dollars.

    Begin with success=false, start_date=24h; then get_log_details with an id.
    """
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    start, end = span(start_date, end_date)
    wanted = clauses(filters, success=success, cached=cached, provider=provider.lower(), model=model, feedback=feedback)
    found = await desk.gateway.logs(
        gateway,
        page=page,
        per_page=per_page,
        order_by=order_by,
        order_by_direction=order_by_direction,
        start_date=start and wire_date(start),
        end_date=end and wire_date(end),
        filters=[*wanted, *filter_language.metadata_pairs(metadata)],
        search=search or None,
    )
    narrowed = bool(wanted or metadata or search or start or end)
    order = {"created_at desc": "newest first", "created_at asc": "oldest first"}
    heading = order.get(f"{order_by} {order_by_direction}", f"by {order_by} {order_by_direction}")
    kept = [log for log in found.items if holds(log, metadata)]
    asked = [key for clause in wanted if clause.key == "metadata.key" for key in map(str, clause.value)]
    keys = list(dict.fromkeys([*metadata, *asked]))
    rows = desk.masker.masked(log_rows(kept, fields, keys))
    return _answer(gateway, found, kept, heading, rows, narrowed=narrowed)


def _answer(
    gateway: str,
    found: LogPage[Log],
    kept: list[Log],
    heading: str,
    rows: list[dict[str, Cell]],
    *,
    narrowed: bool,
) -> CallToolResult:
    info = found.info
    summary = _summary(gateway, found, kept, heading) if kept else _empty(gateway, info.total_count, narrowed=narrowed)
    if dropped := len(found.items) - len(kept):
        summary += f" {dropped} more rows had the metadata key and the value, but not as a pair, and were dropped."
    following = f"page={info.page + 1} for older rows; " if info.page * info.per_page < info.total_count else ""
    following += _next(kept)
    pages = (_page(summary, info, rows, following, longest) for longest in CELLS)
    fitting = next((page for page in pages if cost(page) <= MAX_TOKENS), None)
    return fitting or _page(summary, info, rows, following, 1)


def _page(summary: str, info: ResultInfo, rows: list[dict[str, Cell]], following: str, longest: int) -> CallToolResult:
    shown = table(rows, keep="id", longest=longest, whole=("id", "time"))
    structured = Logs(
        summary=summary,
        total_count=info.total_count,
        page=info.page if info.page > 1 else None,
        same=shown.same or None,
        columns=shown.columns,
        rows=shown.rows,
        next=following,
    )
    return answer("\n".join(filter(None, [summary, shown.text(), f"next: {following}"])), structured)


def _summary(gateway: str, found: LogPage[Log], kept: list[Log], heading: str) -> str:
    place = f"page {found.info.page}, " if found.info.page > 1 else ""
    return (
        f"{len(kept)} of {found.info.total_count} logs of gateway {gateway}, {place}{heading}, {common_date(kept)}. "
        f"{'These rows: ' if len(kept) < found.info.total_count else ''}{page_figures(kept)}."
    )


def _empty(gateway: str, total: int, *, narrowed: bool) -> str:
    if total:
        return f"No logs on this page of gateway {gateway}, which has {total} that match: ask for an earlier page."
    narrow = (
        "the filter is too narrow (model is exact, as openai/gpt-4o; a span may have begun too late), "
        if narrowed
        else ""
    )
    return (
        f"No logs{' match' if narrowed else ''} in gateway {gateway}. Likely: {narrow}the gateway keeps no logs, a "
        "call is less than 5 s old, or this account keeps its logs in Workers Observability, as accounts made since "
        "2026-09-24 do."
    )


def _next(kept: list[Log]) -> str:
    if not kept:
        return "list_gateways shows the gateways and whether they keep logs"
    return "get_log_details with an id"
