"""The page's first view: totals of the calls in a time span, over time."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from cf_aig_tools.amounts import spent
from cf_aig_tools.desk import Call, Desk, desk_of
from cf_aig_tools.drawing import fitted, iso, seconds_of, short
from cf_aig_tools.drawing.narrowing import narrowing
from cf_aig_tools.drawing.series import Axis, Series, series_of
from cf_aig_tools.log_rows import when
from cf_aig_tools.parameters import Clauses, GatewayId, Metadata, wanted
from cf_aig_tools.summarize_logs import GROUPS, elsewhere, question_of
from cf_aig_tools.summary.clusters import Cluster
from cf_aig_tools.summary.figures import Figures
from cf_aig_tools.summary.findings import Findings, Mark, findings
from cf_aig_tools.summary.lines import Line, Side, all_of
from cf_aig_tools.summary.result import basis_of, summary_of

ANNOTATIONS = ToolAnnotations(title="Calls over time", read_only_hint=True, open_world_hint=True)

MOST_BYTES = 256 * 1024
MOST_GROUPS = 100
MOST_CAUSES = 20
MOST_MODELS = 5

Text = Callable[[str], str]
"""Returns a text made safe, and cut to the available length."""


@dataclass(frozen=True)
class Sums:
    """Figures of calls (cost in US dollars); p50 and p95, in seconds, are from the logs that were read."""

    calls: int
    failed: int
    cached: int
    cost: float
    tokens_in: int
    tokens_out: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True)
class Group:
    """The calls of one group. `narrow` has the arguments that select them; `before`, the earlier figures."""

    name: str
    calls: int
    failed: int
    cached: int
    cost: float
    tokens_in: int
    tokens_out: int
    p50: float | None
    p95: float | None
    changed: list[str]
    narrow: dict[str, Any] | None
    before: Sums | None


async def page_overview(
    ctx: Call,
    gateway_id: GatewayId = "",
    start_date: str = "",
    end_date: str = "",
    group_by: Annotated[str, Field(description=GROUPS)] = "model",
    compare_to: str = "",
    success: bool | None = None,
    cached: bool | None = None,
    provider: str = "",
    model: str = "",
    feedback: Literal[-1, 0, 1] | None = None,
    search: str = "",
    metadata: Metadata = {},  # noqa: B006 (only read)
    filters: Clauses = [],  # noqa: B006
) -> CallToolResult:
    """Figures over time and by group, changes and causes of failure, for the page. Arguments as of summarize_logs."""
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
    axis, now, before = await series_of(found.sources)
    basis = basis_of(found, min(len(found.clusters), MOST_CAUSES), await elsewhere(desk, found, gateway_id))
    return fitted(desk, MOST_BYTES, lambda longest: _drawn(found, axis, now, before, basis, longest, desk))


def _drawn(
    found: Findings, axis: Axis, now: Series, before: Series | None, basis: str, longest: int, desk: Desk
) -> dict[str, Any]:
    def text(said: str) -> str:
        return short(desk.safe(said), longest) or ""

    scope, whole = found.question.scope, all_of(found.lines, found.sources.totals)
    return {
        "gateway_id": scope.gateway_id,
        "start": iso(scope.start),
        "end": iso(scope.end),
        "step_s": axis.width.total_seconds(),
        "group_by": found.question.by,
        "summary": desk.safe(summary_of(found)),
        "basis": desk.safe(basis),
        "series": now,
        "before": before,
        "marks": [_mark(mark, scope.start, text) for mark in found.marks],
        "groups": [_group(line, found.question.by, text) for line in found.lines[:MOST_GROUPS]],
        "groups_left": max(0, len(found.lines) - MOST_GROUPS),
        "causes": [_cause(cluster, text) for cluster in found.clusters[:MOST_CAUSES]],
        "totals": _sums(whole.now),
        "totals_before": _sums(whole.earlier) if whole.earlier else None,
    }


def _mark(mark: Mark, start: datetime, text: Text) -> dict[str, Any]:
    until = mark.dated.until
    return {
        "t": seconds_of(mark.dated.since or start),
        "until_t": seconds_of(until) if until else None,
        "group": text(mark.group),
        "text": text(mark.dated.words),
        "reasons": [text(reason) for reason in mark.reasons],
    }


def _group(line: Line, by: str, text: Text) -> Group:
    return Group(
        name=text(line.name),
        **vars(_sums(line.now)),
        changed=[text(words) for words in line.changed],
        narrow=narrowing(line, by),
        before=_sums(line.earlier) if line.earlier else None,
    )


def _sums(side: Side) -> Sums:
    figures: Figures = side.figures
    return Sums(
        calls=round(figures.calls),
        failed=round(figures.failed),
        cached=round(figures.cached),
        cost=spent(figures.cost),
        tokens_in=round(figures.tokens_in),
        tokens_out=round(figures.tokens_out),
        p50=side.seconds[0],
        p95=side.seconds[1],
    )


def _cause(cluster: Cluster, text: Text) -> dict[str, Any]:
    times = sorted(at for at in map(when, cluster.logs) if at)
    models = Counter(log.model for log in cluster.logs if log.model)
    newest = max(cluster.logs, key=lambda log: log.created_at or "")
    return {
        "count": round(cluster.count),
        "kind": text(cluster.kind),
        "words": text(" ".join(cluster.told().split())),
        "first": iso(times[0]) if times else None,
        "last": iso(times[-1]) if times else None,
        "models": [text(name) for name, _ in models.most_common(MOST_MODELS)],
        "status": newest.status_code,
        "log_id": newest.id,
    }
