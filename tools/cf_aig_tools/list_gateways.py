"""Lists the account's gateways with the settings that explain their logs."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import anyio
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_gateway.analytics import Grouping, RequestGroup
from cf_aig_gateway.answers import Page as GatewayPage
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Gateway
from cf_aig_tools.amounts import counted
from cf_aig_tools.desk import Call, answer, desk_of
from cf_aig_tools.gateway_bounds import bounds_of, rules_of
from cf_aig_tools.parameters import Page, PerPage
from cf_aig_tools.reading.masking import visible
from cf_aig_tools.side_by_side import first_error
from cf_aig_tools.tables import Cell, cut, table

Traffic = dict[str, list[RequestGroup]]
"""Counts each gateway's calls in five-minute groups."""

PATIENCE_S = 5.0
"""Seconds to wait for analytics."""

ANNOTATIONS = ToolAnnotations(title="List gateways", read_only_hint=True, open_world_hint=True)


class Gateways(BaseModel):
    """One page of gateways; `same` holds values shared by every row, `bounds` the limits of a single gateway."""

    summary: str
    total_count: int
    same: dict[str, Any] | None = None
    columns: list[str] = []
    rows: list[list[Any]] = []
    bounds: list[str] | None = None
    next: str


async def list_gateways(
    ctx: Call,
    page: Page = 1,
    per_page: PerPage = 20,
    search: Annotated[str, Field(description="Part of an id")] = "",
) -> Annotated[CallToolResult, Gateways]:
    """The account's gateways: calls and failures of the last day, whether they keep logs, cache TTL, rate limit."""
    desk = desk_of(ctx)
    found, traffic = await _asked(desk.gateway, page, per_page, search)
    total = found.info.total_count
    kept = [gateway for gateway in found.items if desk.allows(gateway.id)]
    rows = [settings_of(gateway) | (_told(traffic.get(gateway.id)) if traffic else {}) for gateway in kept]
    shown = table(rows, keep="id", whole=["id"])
    summary = f"{len(kept)} of {counted(total, 'gateway')}" if total else "No gateways match" if search else _NONE
    if traffic and total:
        summary += "; calls, failures and last call (to 5 minutes, UTC) cover the last 24 h"
    following = f"page={found.info.page + 1}; " if found.info.page * found.info.per_page < total else ""
    following += "list_logs with gateway_id"
    bounds = await bounds_of(desk.gateway, kept[0]) if len(kept) == 1 else []
    bounds = [str(cut(" ".join(visible(desk.masker.mask(line)).split()), 200)) for line in bounds]
    text = "\n".join(filter(None, [f"{summary}.", shown.text(), *bounds, f"next: {following}"]))
    structured = Gateways(
        summary=summary,
        total_count=total,
        same=shown.same or None,
        columns=shown.columns,
        rows=shown.rows,
        bounds=bounds or None,
        next=following,
    )
    return answer(text, structured)


async def _asked(gateway: AIGateway, page: int, per_page: int, search: str) -> tuple[GatewayPage[Gateway], Traffic]:
    """Return a page of gateways and the activity of each, queried concurrently."""
    pages: list[GatewayPage[Gateway]] = []
    traffic: Traffic = {}

    async def ask_gateways() -> None:
        pages.append(await gateway.gateways(page=page, per_page=per_page, search=search or None))

    async def ask_analytics() -> None:
        traffic.update(await _last_day(gateway))

    with first_error():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask_analytics)
            tasks.start_soon(ask_gateways)
    return pages[0], traffic


async def _last_day(gateway: AIGateway) -> Traffic:
    """Return each gateway's analytics for the last day; empty if analytics are not permitted or too slow."""
    now = datetime.now(UTC)
    grouping = Grouping(now - timedelta(days=1), now, ("gateway", "datetimeFiveMinutes"))
    groups: list[RequestGroup] = []
    with anyio.move_on_after(PATIENCE_S), suppress(GatewayError):
        (groups,) = await gateway.request_groups("", [grouping])
    traffic: Traffic = defaultdict(list)
    for group in groups:
        traffic[str(group.dimensions["gateway"])].append(group)
    return traffic


def _told(groups: Sequence[RequestGroup] | None) -> dict[str, Cell]:
    held = groups or []
    last = max((str(group.dimensions["datetimeFiveMinutes"]) for group in held), default="")
    return {
        "calls": sum(group.count for group in held),
        "failed": sum(group.errored_requests for group in held),
        "last call": f"{datetime.fromisoformat(last):%m-%d %H:%M}" if last else None,
    }


_NONE = "No gateways yet: Cloudflare creates the default gateway on the first authenticated request"


def settings_of(gateway: Gateway) -> dict[str, Cell]:
    """Return only allow-listed settings, because others may contain secrets."""
    return {
        "id": gateway.id,
        "logs": _switch(gateway.collect_logs),
        "cache": f"{gateway.cache_ttl} s" if gateway.cache_ttl else "off",
        "rate limit": _limit(gateway),
        "authentication": _switch(gateway.authentication),
        "own keys only": gateway.byok_only or None,
        "spend limits": len(rules_of(gateway)) or None,
        "guardrails": bool(gateway.guardrails) or None,
        "DLP": bool(gateway.dlp.get("enabled")) or None,
        "retries": gateway.retry_max_attempts,
        "zero data retention": gateway.zdr or None,
        "log classification": gateway.log_classification or None,
        "log limit": gateway.log_management,
        "when full": (gateway.log_management_strategy or "").lower().replace("_", " ") or None,
        "created": (gateway.created_at or "")[:10] or None,
    }


def _switch(value: bool | None) -> str | None:
    return None if value is None else "on" if value else "off"


def _limit(gateway: Gateway) -> str:
    if not gateway.rate_limiting_limit:
        return "off"
    technique = gateway.rate_limiting_technique or "fixed"
    return f"{gateway.rate_limiting_limit} in {gateway.rate_limiting_interval} s, {technique}"
