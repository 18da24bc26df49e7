"""Lists the logs of a gateway as a table."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import ResultInfo
from cf_aig_tools.amounts import counted
from cf_aig_tools.asked import Asked, Found
from cf_aig_tools.bodies import Bodies
from cf_aig_tools.cases_link import LINKS_SINCE, with_link
from cf_aig_tools.desk import Call, answer, desk_of, fits
from cf_aig_tools.elsewhere import matches_elsewhere
from cf_aig_tools.log_rows import common_date, log_columns, page_figures
from cf_aig_tools.parameters import Clause, GatewayId, Metadata, Order, Page, PerPage, span, wanted, wire_date
from cf_aig_tools.sessions import with_sessions
from cf_aig_tools.since import Told, new_logs
from cf_aig_tools.tables import Columns, folded

ANNOTATIONS = ToolAnnotations(title="List logs", read_only_hint=True, open_world_hint=True)

MAX_TOKENS = 4500
"""Tokens per page: the most that 50 ordinary rows cost. Longer cells are cut until the page fits; rows never are."""

NEWEST_FIRST = ("created_at", "desc")
NEW = "new, newest first"
HEADINGS = {"created_at desc": "newest first", "created_at asc": "oldest first", NEW: NEW}
MORE = {"created_at desc": "older", "created_at asc": "newer", NEW: "older"}
NOT_A_PAIR = "had the metadata key and the value but not as a pair, and were dropped."
NEXT_WHEN_EMPTY = "list_gateways shows the gateways and whether they keep logs"

CELLS = (80, 40, 20, 10, 5)
"""Maximum cell lengths in characters, tried in turn."""


class Logs(BaseModel):
    """One page of logs (page 1 if it names none); `same` holds values shared by every row."""

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
    order_by: Order = "created_at",
    order_by_direction: Literal["asc", "desc"] = "desc",
    start_date: Annotated[str, Field(description="ISO 8601, or time before now: 90m, 24h, 7d")] = "",
    end_date: str = "",
    success: bool | None = None,
    cached: bool | None = None,
    provider: str = "",
    model: Annotated[str, Field(description="Exact, as in the rows")] = "",
    feedback: Literal[-1, 0, 1] | None = None,
    search: Annotated[str, Field(description="Text in metadata")] = "",
    metadata: Annotated[Metadata, Field(description="Pairs that must all match")] = {},  # noqa: B006 (only read)
    filters: Annotated[list[Clause], Field(description="All must match; any of a clause's values")] = [],  # noqa: B006
    fields: Annotated[
        list[str],
        Field(description="Columns to show: any log field, session, prompt cache, metadata.<key>"),
    ] = [],  # noqa: B006
    since: Annotated[str, Field(description="Handle from an earlier answer: only what is new")] = "",
) -> Annotated[CallToolResult, Logs]:
    """Logged requests as a table, newest first: id, UTC time, model, status, seconds, tokens in/out, US dollars.

    Begin with success=false, start_date=24h; then get_log_details with an id.
    """
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    start, end = span(start_date, end_date)
    asked = Asked(
        desk.gateway,
        wanted(
            filters,
            metadata,
            desk.masker,
            search,
            success=success,
            cached=cached,
            provider=provider.lower(),
            model=model,
            feedback=feedback,
        ),
        start and wire_date(start),
        end and wire_date(end),
        search,
        desk.masker,
    )
    is_newest_first = (order_by, order_by_direction) == NEWEST_FIRST
    if since:
        if not is_newest_first or end:
            raise GatewayError("since gives what is new, newest first. Omit order_by, order_by_direction and end_date.")
        found, told = await new_logs(asked, gateway, Told.of(since), page, per_page)
    else:
        found = await asked.ordered(gateway, page, per_page, order_by, order_by_direction)
        is_first = is_newest_first and page == 1 and not end
        told = Told().and_of(found.kept, start, are_all=not found.has_more) if is_first else None
    handle = told.handle if told else ""
    if "session" in fields:
        found = replace(found, kept=await with_sessions(Bodies(desk.gateway, gateway), found.kept))
    columns = [test.name for test in asked.wanted.tests]
    columns += [str(key) for clause in filters if clause.key == "metadata.key" for key in clause.value]
    shown: Columns = desk.masker.masked(log_columns(found.kept, fields, list(dict.fromkeys(columns))))
    if since and not found.kept:
        words = [f"Nothing new in gateway {gateway} since the answer that gave this handle.", *found.notes]
        return _page(" ".join(words), found.info, {}, f"since={handle} for what comes next", 0)
    if not found.kept:
        hint = await asked.unknown_key(gateway) if not found.info.total_count else ""
        if not hint and not gateway_id and not found.info.total_count:
            hint = await matches_elsewhere(desk, gateway, asked.count)
        return _page(
            _empty(gateway, found, asked, desk.masker.mask(hint)), found.info, {}, NEXT_WHEN_EMPTY + _since(handle), 0
        )
    whole = ["id", "time", *(name for name in fields if name == "metadata")]
    result = _answer(gateway, found, NEW if since else f"{order_by} {order_by_direction}", shown, whole, handle)
    if since or not (found.has_more and desk.offers_cases and (ctx.protocol_version or "") >= LINKS_SINCE):
        return result
    given = {"success": success, "cached": cached, "provider": provider, "model": model, "feedback": feedback}
    given |= {"start_date": asked.start_date, "end_date": asked.end_date, "search": search, "metadata": metadata}
    return with_link(result, gateway, given | {"filters": [clause.model_dump() for clause in filters]})


def _answer(gateway: str, found: Found, order: str, columns: Columns, whole: list[str], handle: str) -> CallToolResult:
    info = found.info
    summary = " ".join([_summary(gateway, found, HEADINGS.get(order, f"by {order}")), *found.notes])
    if found.dropped:
        summary += f" {found.dropped} more rows had the metadata key and the value but not as a pair, and were dropped."
    following = f"page={info.page + 1} for {MORE.get(order, 'more')} rows; " if found.has_more else ""
    following += "get_log_details with an id" + _since(handle)
    pages = (_page(summary, info, columns, following, longest, whole) for longest in CELLS)
    if fitting := next((page for page in pages if fits(page, MAX_TOKENS)), None):
        return fitting
    if "metadata" in whole:
        following = f"per_page={max(1, len(found.kept) // 2)} for full metadata, which is truncated here; {following}"
        return _answer_cut(summary, info, columns, following)
    return _page(summary, info, columns, following, 1)


def _since(handle: str) -> str:
    return f"; since={handle} for what comes later" if handle else ""


def _answer_cut(summary: str, info: ResultInfo, columns: Columns, following: str) -> CallToolResult:
    pages = (_page(summary, info, columns, following, longest) for longest in CELLS)
    return next((page for page in pages if fits(page, MAX_TOKENS)), None) or _page(summary, info, columns, following, 1)


def _page(
    summary: str,
    info: ResultInfo,
    columns: Columns,
    following: str,
    longest: int,
    whole: Sequence[str] = ("id", "time"),
) -> CallToolResult:
    shown = folded(columns, keep="id", longest=longest, whole=whole)
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


def _summary(gateway: str, found: Found, heading: str) -> str:
    kept, info = found.kept, found.info
    place = f"page {info.page}, " if info.page > 1 else ""
    return (
        f"{len(kept)} of {counted(info.total_count, 'log')} of gateway {gateway}, {place}{heading}, "
        f"{common_date(kept)}. {'These rows: ' if len(kept) < info.total_count else ''}{page_figures(kept)}."
    )


def _empty(gateway: str, found: Found, asked: Asked, hint: str) -> str:
    if found.info.total_count and not found.dropped:
        total = counted(found.info.total_count, "log")
        return f"No logs on this page of gateway {gateway}, which has {total} that match. Use an earlier page."
    if found.dropped:
        return f"No logs on this page of gateway {gateway}: its {counted(found.dropped, 'row')} {NOT_A_PAIR}"
    narrow = (
        "the filter is too narrow (model is exact, such as openai/gpt-4o; start_date may be too late), "
        if asked.is_narrow
        else ""
    )
    told = " ".join(["", *found.notes])
    searched = " search covers metadata only, not bodies." if asked.search else ""
    return (
        f"No logs{' match' if asked.is_narrow else ''} in gateway {gateway}.{searched}{told}{hint} Likely: {narrow}the "
        "gateway keeps no logs, or a call is less than 5 s old."
    )
