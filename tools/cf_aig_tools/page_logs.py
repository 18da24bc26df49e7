"""The rows of the page's table of logs, and new ones since."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import BODIES, Log
from cf_aig_tools.asked import Asked, Found
from cf_aig_tools.desk import Call, Desk, desk_of
from cf_aig_tools.drawing import fitted, iso, short
from cf_aig_tools.get_log_details import ACCOUNT
from cf_aig_tools.log_rows import plain, what, when
from cf_aig_tools.parameters import Clauses, GatewayId, Metadata, Order, metadata_key, span, wanted, wire_date
from cf_aig_tools.sessions import session_of, user_of
from cf_aig_tools.side_by_side import together
from cf_aig_tools.steps import answers
from cf_aig_tools.summary.scope import PAGE

ANNOTATIONS = ToolAnnotations(title="Rows of logs", read_only_hint=True, open_world_hint=True)

MOST_BYTES = 512 * 1024
MOST_KEYS = 12
"""Maximum metadata keys of a row."""

OVERLAP = timedelta(minutes=2)
"""How far back to look for new logs: a call is logged when it ends, dated by its start."""

_CURSOR = re.compile(r"(\d{1,7})@([0-9TZ:.-]{10,30})")


@dataclass(frozen=True)
class Row:
    """A log (created_at in UTC, seconds, cost in US dollars); `what` is its cause of failure by status."""

    id: str
    created_at: str | None
    provider: str | None
    model: str | None
    status: int | None
    ok: bool | None
    seconds: float | None
    tokens_in: float | None
    tokens_out: float | None
    cost: float | None
    cached: bool | None
    step: int | None
    path: str | None
    what: str | None
    session: str | None
    user: str | None
    feedback: float | None
    metadata: dict[str, Any] | None


async def page_logs(
    ctx: Call,
    gateway_id: GatewayId = "",
    limit: Annotated[int, Field(ge=1, le=500, description="Above 50 in fifties")] = 100,
    cursor: Annotated[str, Field(description="From the rows before")] = "",
    newer_than: Annotated[str, Field(description="`newest` of the rows before: what is new since")] = "",
    order_by: Order = "created_at",
    order_by_direction: Literal["asc", "desc"] = "desc",
    start_date: str = "",
    end_date: str = "",
    success: bool | None = None,
    cached: bool | None = None,
    provider: str = "",
    model: str = "",
    feedback: Literal[-1, 0, 1] | None = None,
    search: str = "",
    metadata: Metadata = {},  # noqa: B006 (only read)
    filters: Clauses = [],  # noqa: B006
) -> CallToolResult:
    """Rows of logs for the page. Rows may repeat from one answer to the next: they are merged by id."""
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    start, end = span(start_date, end_date)
    offset, since = 0, span(newer_than, "")[0]
    if since:
        start = max(start, since - OVERLAP) if start else since - OVERLAP
        order_by, order_by_direction = "created_at", "desc"
    elif cursor:
        offset, end = _position(cursor)
    elif end is None:
        end = datetime.now(UTC)  # later logs don't move rows to another page
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
    size = limit if limit <= PAGE or metadata_key(order_by) else PAGE
    first, count = offset // size + 1, -(-limit // size)
    read = partial(asked.ordered, gateway, per_page=size, order_by=order_by, direction=order_by_direction)
    pages = await _pages(read, first, count, size)
    logs = list({log.id: log for page in pages for log in page.kept}.values())
    following = first + count - 1
    has_more = following * size < pages[0].info.total_count and not since
    newest = max(filter(None, [since, *map(when, logs)]), default=None)
    answered = answers(logs)
    return fitted(
        desk,
        MOST_BYTES,
        lambda longest: {
            "gateway_id": gateway,
            "total": pages[0].info.total_count,
            "rows": [_row(log, answered.get(log.id), longest, desk) for log in logs],
            "cursor": f"{following * size}@{wire_date(end)}" if has_more and end else None,
            "newest": iso(newest),
            "notes": [*dict.fromkeys(note for page in pages for note in page.notes)],
        },
    )


async def _pages(read: Callable[..., Awaitable[Found]], first: int, count: int, size: int) -> Sequence[Found]:
    """Return all pages in the range, from the first on."""
    found = await read(page=first)
    last = min(first + count - 1, -(-found.info.total_count // size))
    return [found, *await together([partial(read, page=number) for number in range(first + 1, last + 1)])]


def _position(cursor: str) -> tuple[int, datetime]:
    found = _CURSOR.fullmatch(cursor)
    end = span("", found[2])[1] if found else None
    if not found or not end:
        raise GatewayError("cursor is not from page_logs: omit it to start over.")
    return int(found[1]), end


def _row(log: Log, answer: Log | None, longest: int, desk: Desk) -> Row:
    held = log.model_copy(update=desk.masker.masked(log.model_dump(exclude=set(BODIES))))  # before anything is cut
    pairs = list(held.metadata.items())[:MOST_KEYS]
    return Row(
        id=log.id,
        created_at=iso(when(log)) or short(held.created_at, longest),
        provider=short(held.provider, longest),
        model=short(held.model, longest),
        status=log.status_code,
        ok=log.success,
        seconds=None if log.duration is None else log.duration / 1000,
        tokens_in=log.tokens_in,
        tokens_out=log.tokens_out,
        cost=log.cost,
        cached=log.cached,
        step=log.step or None,
        path=short(ACCOUNT.sub("", held.path or ""), longest) or None,
        what=what(log, answer) or None,
        session=short(session_of(held), longest) or None,
        user=short(user_of(held), longest) or None,
        feedback=log.feedback,
        metadata={str(short(name, longest)): _value(value, longest) for name, value in pairs} or None,
    )


def _value(value: Any, longest: int) -> Any:
    return short(told, longest) if isinstance(told := plain(value), str) else told
