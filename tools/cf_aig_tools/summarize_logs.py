"""Totals of the calls in a time range, what changed, and why calls failed."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.desk import Call, Desk, desk_of
from cf_aig_tools.elsewhere import matches_elsewhere
from cf_aig_tools.parameters import Clauses, GatewayId, Metadata, Wanted, duration, span, wanted
from cf_aig_tools.summary.figures import ASKERS, DIMENSIONS, GATEWAY
from cf_aig_tools.summary.findings import Findings, findings
from cf_aig_tools.summary.result import Summary, told
from cf_aig_tools.summary.scope import Scope
from cf_aig_tools.summary.sources import Question

ANNOTATIONS = ToolAnnotations(title="Summarize logs", read_only_hint=True, open_world_hint=True)

DEFAULT_SPAN = timedelta(hours=24)

GROUPS = "model, provider, status, cached, hour, day, session, user, user_agent, metadata.<key>, gateway (all of them)"


async def summarize_logs(
    ctx: Call,
    gateway_id: GatewayId = "",
    start_date: Annotated[str, Field(description="As in list_logs; default 24h")] = "",
    end_date: str = "",
    group_by: Annotated[str, Field(description=GROUPS)] = "model",
    compare_to: Annotated[str, Field(description="previous, or how much earlier: 24h, 7d")] = "",
    success: bool | None = None,
    cached: bool | None = None,
    provider: str = "",
    model: str = "",
    feedback: Literal[-1, 0, 1] | None = None,
    search: str = "",
    metadata: Metadata = {},  # noqa: B006 (only read)
    filters: Annotated[Clauses, Field(description="As in list_logs")] = [],  # noqa: B006
) -> Annotated[CallToolResult, Summary]:
    """What calls add up to, overall and by group: failures, cost, tokens, cache, latency; what changed, to the minute.

    Causes of failure with an example id for get_log_details. Start here unless it is about one log.
    """
    desk = desk_of(ctx)
    asked = wanted(
        filters,
        metadata,
        desk.masker,
        search,
        success=success,
        cached=cached,
        provider=provider.lower(),
        model=model,
        feedback=feedback,
    )
    question = question_of(desk, gateway_id, start_date, end_date, group_by, compare_to, asked, search)
    found = await findings(question)
    return told(found, desk.masker, await elsewhere(desk, found, gateway_id))


def question_of(
    desk: Desk,
    gateway_id: str,
    start_date: str,
    end_date: str,
    group_by: str,
    compare_to: str,
    asked: Wanted,
    search: str,
) -> Question:
    """Return the question in these arguments.

    Raises:
        GatewayError: one of them is wrong.

    """
    start, end = _ends(start_date, end_date)
    by = _group_by(group_by)
    scope = Scope(desk.gateway, gateway_id or desk.default_gateway, start, end, asked, search)
    if by == GATEWAY:
        scope = _of_all(desk, gateway_id, scope)
    return Question(scope, by, _earlier(compare_to, start, end - start))


async def elsewhere(desk: Desk, found: Findings, gateway_id: str) -> str:
    """Say which other gateways have such calls, if the default one has none."""
    if found.lines or gateway_id or found.question.by == GATEWAY:
        return ""
    scope = found.question.scope
    return await matches_elsewhere(desk, scope.gateway_id, scope.count)


def _of_all(desk: Desk, gateway_id: str, scope: Scope) -> Scope:
    """Return the same for every gateway that calls may use."""
    if gateway_id:
        raise GatewayError("group_by=gateway covers all gateways: omit gateway_id.")
    return replace(scope, gateway_id="", among=tuple(sorted(desk.gateways)))


def _ends(start_date: str, end_date: str) -> tuple[datetime, datetime]:
    start, end = span(start_date, end_date)
    end = end or datetime.now(UTC)
    return (start or end - DEFAULT_SPAN).astimezone(UTC), end.astimezone(UTC)


def _group_by(text: str) -> str:
    if text in {*DIMENSIONS, *ASKERS} or re.fullmatch(r"metadata\..{1,100}", text):
        return text
    known = ", ".join(dict.fromkeys([*DIMENSIONS, *ASKERS]))
    raise GatewayError(f"group_by must be {known} or metadata.<key> (got {text[:80]!r}).")


def _earlier(text: str, start: datetime, length: timedelta) -> timedelta | None:
    """Return how much earlier the compared calls are."""
    if not text:
        return None
    by = length if text == "previous" else duration(text)
    if by is None:
        raise GatewayError(f"compare_to must be previous, or a duration such as 24h or 7d (got {text[:80]!r}).")
    if by < length:
        raise GatewayError(f"compare_to {text} is shorter than the time range, so the two overlap: use previous.")
    if start - datetime.min.replace(tzinfo=UTC) < by:
        raise GatewayError(f"compare_to {text} is too far back.")
    return by
