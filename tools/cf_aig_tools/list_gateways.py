"""The gateways of the account, and the settings that explain what their logs show."""

from typing import Annotated, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_gateway.models import Gateway
from cf_aig_tools.desk import Call, answer, desk_of
from cf_aig_tools.parameters import Page, PerPage
from cf_aig_tools.tables import Cell, table

ANNOTATIONS = ToolAnnotations(title="List gateways", read_only_hint=True, open_world_hint=True)


class Gateways(BaseModel):
    """One page of gateways; `same` holds what is the same in every row."""

    summary: str
    total_count: int
    same: dict[str, Any] | None = None
    columns: list[str] = []
    rows: list[list[Any]] = []
    next: str


async def list_gateways(
    ctx: Call,
    page: Page = 1,
    per_page: PerPage = 20,
    search: Annotated[str, Field(description="Part of an id")] = "",
) -> Annotated[CallToolResult, Gateways]:
    """The account's gateways: whether they keep logs, cache TTL, rate limit, authentication."""
    desk = desk_of(ctx)
    found = await desk.gateway.gateways(page=page, per_page=per_page, search=search or None)
    total = found.info.total_count
    kept = [gateway for gateway in found.items if desk.allows(gateway.id)]
    shown = table([settings_of(gateway) for gateway in kept], keep="id", whole=["id"])
    summary = f"{len(kept)} of {total} gateways" if total else "No gateways match" if search else _NONE
    following = f"page={found.info.page + 1}; " if found.info.page * found.info.per_page < total else ""
    following += "list_logs with gateway_id"
    text = "\n".join(filter(None, [f"{summary}.", shown.text(), f"next: {following}"]))
    structured = Gateways(
        summary=summary,
        total_count=total,
        same=shown.same or None,
        columns=shown.columns,
        rows=shown.rows,
        next=following,
    )
    return answer(text, structured)


_NONE = "No gateways yet: Cloudflare makes the gateway default on its first authenticated request"


def settings_of(gateway: Gateway) -> dict[str, Cell]:
    """Return an allow-list of settings; others may hold secrets."""
    return {
        "id": gateway.id,
        "logs": _switch(gateway.collect_logs),
        "cache": f"{gateway.cache_ttl} s" if gateway.cache_ttl else "off",
        "rate limit": _limit(gateway),
        "authentication": _switch(gateway.authentication),
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
