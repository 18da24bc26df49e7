"""The logs of a gateway, as a table."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_gateway import filters as filter_language
from cf_aig_gateway.client import Page as LogPage
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.models import Log
from cf_aig_tools.desk import Call, desk_of
from cf_aig_tools.parameters import GatewayId, Page, PerPage, moment, wire_date
from cf_aig_tools.tables import Cell, table

ANNOTATIONS = ToolAnnotations(title="List logs", read_only_hint=True, open_world_hint=True)

OrderBy = Literal[
    "created_at",
    "provider",
    "model",
    "model_type",
    "success",
    "cached",
    "cost",
    "tokens_in",
    "tokens_out",
    "duration",
    "feedback",
]


class Logs(BaseModel):
    """One page of logs."""

    summary: str
    total_count: int
    page: int
    columns: list[str]
    rows: list[list[Any]]
    same: dict[str, Any]
    next: str


async def list_logs(
    ctx: Call,
    gateway_id: GatewayId = "",
    page: Page = 1,
    per_page: PerPage = 20,
    order_by: OrderBy = "created_at",
    order_by_direction: Literal["asc", "desc"] = "desc",
    start_date: Annotated[str, Field(description="ISO 8601, or a span back from now: 90m, 24h, 7d")] = "",
    end_date: Annotated[str, Field(description="As start_date")] = "",
    success: bool | None = None,
    cached: bool | None = None,
    provider: str = "",
    model: Annotated[str, Field(description="Exact, as listed")] = "",
    feedback: Literal[-1, 0, 1] | None = None,
    search: Annotated[str, Field(description="Text in metadata")] = "",
    metadata: Annotated[dict[str, Any], Field(description="key: value pairs")] = {},  # noqa: B006 (never changed)
    filters: Annotated[list[Filter], Field(description="More clauses, joined by AND")] = [],  # noqa: B006
) -> Annotated[CallToolResult, Logs]:
    """Logged requests, newest first: id, UTC time, model, status, seconds, tokens, US dollars.

    Start with success=false; then get_log_details.
    """
    desk = desk_of(ctx)
    now = datetime.now(UTC)
    gateway = gateway_id or desk.default_gateway
    equal = {"success": success, "cached": cached, "provider": provider, "model": model, "feedback": feedback}
    clauses = [Filter(key=key, value=[value]) for key, value in equal.items() if value not in (None, "")]  # pyright: ignore[reportArgumentType]
    found = await desk.gateway.logs(
        gateway,
        page=page,
        per_page=per_page,
        order_by=order_by,
        order_by_direction=order_by_direction,
        start_date=wire_date(moment(start_date, now)) if start_date else None,
        end_date=wire_date(moment(end_date, now)) if end_date else None,
        filters=[*clauses, *filter_language.metadata_pairs(metadata), *filters],
        search=search or None,
    )
    return _result(gateway, found)


def _result(gateway: str, found: LogPage[Log]) -> CallToolResult:
    shown = table([_row(log) for log in found.items], keep=("id", "time"))
    total = found.info.total_count
    summary = f"{len(found.items)} of {total} logs of gateway {gateway}"
    more = found.info.page * found.info.per_page < total
    following = f"page={found.info.page + 1} for more; " if more else ""
    following += "get_log_details with an id"
    same = ", ".join(f"{name} {value}" for name, value in shown.same.items())
    text = "\n".join(
        part for part in (summary, same and f"in every row: {same}", shown.text(), f"next: {following}") if part
    )
    structured = Logs(
        summary=summary,
        total_count=total,
        page=found.info.page,
        columns=shown.columns,
        rows=shown.rows,
        same=shown.same,
        next=following,
    )
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured.model_dump())


def _row(log: Log) -> dict[str, Cell]:
    return {
        "id": log.id,
        "time": log.created_at,
        "model": log.model,
        "status": log.status_code,
        "s": None if log.duration is None else round(log.duration / 1000, 2),
        "in": log.tokens_in,
        "out": log.tokens_out,
        "$": log.cost,
        "cached": log.cached,
    }
