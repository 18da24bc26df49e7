"""The page's fourth view: the related calls of an agent, as a waterfall."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from cf_aig_tools.desk import Call, desk_of
from cf_aig_tools.drawing import fitted, iso
from cf_aig_tools.parameters import GatewayId, Metadata
from cf_aig_tools.reading.quoting import Quoting
from cf_aig_tools.reading.threads import aside
from cf_aig_tools.runs.calls import size_of
from cf_aig_tools.runs.findings import Finding, findings, is_error, tool_call, totals
from cf_aig_tools.runs.gathering import Run
from cf_aig_tools.runs.steps import Step, steps_of
from cf_aig_tools.runs.telling import LINKS, lead_of
from cf_aig_tools.sessions import spoken
from cf_aig_tools.trace_run import run_of

ANNOTATIONS = ToolAnnotations(title="A run", read_only_hint=True, open_world_hint=True)

MOST_BYTES = 384 * 1024
MOST_CALLS = 40
"""Maximum tool calls of one step."""

MOST_SPANS = 300
MOST_NAMED = 100
"""Maximum steps that one finding names."""

MARKS = frozenset({"failed", "ending", "tool error", "loop", "retry"})
"""Kinds of findings that mark the steps they are in."""

Text = Callable[[str], str]


@dataclass(frozen=True)
class Bar:
    """A model call or a tool call, with its start after the run's first call and its duration (ms).

    `of` is the step that called a tool. A tool's times come from the trace if it has them. Otherwise they are the gap
    between the call that requested the tool and the one that delivered its result.
    """

    n: int | None
    kind: str
    name: str
    start_ms: int
    ms: int
    ok: bool | None
    log_id: str | None = None
    status: int | None = None
    tokens_in: float | None = None
    tokens_out: float | None = None
    cost: float | None = None
    parent: int | None = None
    link: str | None = None
    fork: bool | None = None
    marks: list[str] | None = None
    asked: str | None = None
    did: str | None = None
    stored: bool | None = None
    calls: list[dict[str, Any]] | None = None
    of: int | None = None
    is_measured: bool | None = None
    text: str | None = None
    result: str | None = None


async def page_run(
    ctx: Call,
    log_id: Annotated[str, Field(description="Any call of the run")] = "",
    metadata: Annotated[Metadata, Field(description="Or the pair that its calls share")] = {},  # noqa: B006 (only read)
    gateway_id: GatewayId = "",
) -> CallToolResult:
    """The run of an agent for the page: its steps and tools in time, and what went wrong."""
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    run = await run_of(desk, gateway, log_id, metadata)

    def told() -> CallToolResult:
        steps, quoting = steps_of(run), Quoting(desk.masker)
        found = findings(steps)
        return fitted(desk, MOST_BYTES, partial(_drawn, run, steps, found, gateway, quoting))

    return await aside(size_of(run.calls), told)


def _drawn(
    run: Run, steps: Sequence[Step], found: Sequence[Finding], gateway: str, quoting: Quoting, longest: int
) -> dict[str, Any]:
    def text(said: str) -> str:
        return quoting.short(said, min(longest, 500))

    sums, first = totals(steps), steps[0].call.start
    marks = _marks(found)
    bars = [*(_model(step, first, marks[step.number], text) for step in steps), *_tools(run, steps, first, text)]
    return {
        "gateway_id": gateway,
        "summary": list(lead_of(run, steps, gateway, quoting)),
        "start": iso(first),
        "wall_ms": round(sums.wall * 1000),
        "totals": {
            "wall_s": round(sums.wall, 3),
            "in_models_s": round(sums.in_models, 3),
            "between_s": round(sums.between, 3),
            "cost": sums.cost,
            "tokens_in": sums.tokens_in,
            "tokens_out": sums.tokens_out,
            "sent_before": sums.sent_before,
        },
        "steps": sorted(bars, key=lambda bar: (bar.start_ms, bar.n is None)),
        "findings": [_finding(each, text) for each in found],
        "steps_left": len(run.counted),
        "looked": run.looked or None,
    }


def _marks(found: Sequence[Finding]) -> Mapping[int, list[str]]:
    marks: dict[int, list[str]] = defaultdict(list)
    for finding in found:
        for step in finding.steps:
            if finding.kind in MARKS and finding.kind not in marks[step.number]:
                marks[step.number].append(finding.kind)
    return marks


def _finding(finding: Finding, text: Text) -> dict[str, Any]:
    return {
        "text": text(finding.what),
        "quote": text(finding.text) or None,
        "steps": [step.number for step in finding.steps[:MOST_NAMED]],
        "log_id": finding.steps[0].call.id if finding.names_log else None,
        "mark": finding.kind,
    }


def _model(step: Step, first: datetime, marks: list[str], text: Text) -> Bar:
    log = step.call.log
    asked = [said.text for said in step.asked if said.kind == "text"]
    did = [said.text for said in step.did if said.kind == "text"]
    return Bar(
        n=step.number,
        kind="model",
        name=text(log.model or ""),
        start_ms=_after(first, step.call.start),
        ms=round(log.duration or 0),
        ok=log.success,
        log_id=log.id,
        status=log.status_code,
        tokens_in=log.tokens_in,
        tokens_out=log.tokens_out,
        cost=log.cost,
        parent=step.parent.number if step.parent else None,
        link=LINKS[step.link.how] if step.link else None,
        fork=step.is_fork or None,
        marks=marks,
        asked=text(spoken(asked[-1])) if asked else None,
        did=text(did[0]) if did else None,
        stored=step.call.request is not None,
        calls=list(_calls(step, text))[:MOST_CALLS],
    )


def _calls(step: Step, text: Text) -> Iterator[dict[str, Any]]:
    for said, result in step.tool_calls():
        yield {
            "name": text(said.name),
            "text": text(tool_call(said)),
            "result": text(result.text) if result else None,
            "is_error": is_error(result) if result else None,
        }


def _tools(run: Run, steps: Sequence[Step], first: datetime, text: Text) -> Iterator[Bar]:
    """Yield the tools in the trace or, if it has none, those that calls requested."""
    spans = [span for span in run.spans if span.tool][:MOST_SPANS]
    for span in spans:
        before = [step.number for step in steps if step.call.end <= span.start]
        yield Bar(
            n=None,
            kind="tool",
            name=text(span.tool),
            start_ms=max(0, _after(first, span.start)),
            ms=round(span.duration),
            ok=not span.error,
            of=before[-1] if before else None,
            is_measured=True,
            text=text(f"{span.tool} {span.arguments}"),
            result=text(span.error or span.result) or None,
        )
    if not spans:
        yield from (bar for step in steps for bar in _between(step, steps, first, text))


def _between(step: Step, steps: Sequence[Step], first: datetime, text: Text) -> Iterator[Bar]:
    """Yield the tools that one step called and another delivered the results of."""
    following = (each for each in steps if each.parent is step and each.link and each.link.how == "continues")
    after = next(following, None)
    if after is None:
        return
    start, end = _after(first, step.call.end), _after(first, after.call.start)
    for said, result in list(step.tool_calls())[:MOST_CALLS]:
        yield Bar(
            n=None,
            kind="tool",
            name=text(said.name),
            start_ms=start,
            ms=max(0, end - start),
            ok=not is_error(result) if result else None,
            of=step.number,
            is_measured=False,
            text=text(tool_call(said)),
            result=text(result.text) if result else None,
        )


def _after(first: datetime, at: datetime) -> int:
    return round((at - first).total_seconds() * 1000)
