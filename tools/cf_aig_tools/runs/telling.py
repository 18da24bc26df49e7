"""Describes a run within a budget: problems first, then its steps."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cf_aig_gateway.logs.spans import Span
from cf_aig_tools.amounts import counted, dollars
from cf_aig_tools.reading.budget import tokens
from cf_aig_tools.reading.delivery import delivered
from cf_aig_tools.reading.fence import fenced
from cf_aig_tools.reading.quoting import Quoting
from cf_aig_tools.runs.findings import Finding, Totals, findings, is_error, threads, tool_call, totals
from cf_aig_tools.runs.gathering import Run
from cf_aig_tools.runs.steps import Step, steps_of
from cf_aig_tools.sessions import spoken

SIZES = (
    (60, True, 160), (60, True, 80), (60, False, 100), (60, False, 70), (60, False, 50), (60, False, 36),
    (60, False, 24), (60, False, 16), (40, False, 24), (24, False, 24),
)  # fmt: skip
"""Maximum steps, whether to show ids, and characters per step: the first variant that fits is used."""

NARROW = 50
"""Up to this many characters per step, the cost is left out."""

MOST_FINDINGS = 12
MOST_STEPS = 5
"""Steps listed per finding."""

LINKS = {
    "retries": "retry of",
    "falls back": "fallback of",
    "was started by": "sub-agent of",
    "compacts": "compacted from",
    "edits": "edited from",
    "replays": "replay of",
    "continues": "after",
}


@dataclass(frozen=True)
class Size:
    """How much of each step is shown."""

    steps: int
    ids: bool
    longest: int


WIDE = Size(60, True, 400)
"""How much is shown of steps that were requested."""


def told(run: Run, gateway: str, quoting: Quoting, budget: int, only: range | None = None) -> str:
    """Return a run as text of at most `budget` tokens; `only` selects some steps, each shown with its id."""
    steps = steps_of(run)
    lead = "\n".join(lead_of(run, steps, gateway, quoting))
    if only is not None:
        chosen = [step for step in steps if step.number in only]
        rows = list(_rows(steps, chosen, run.spans, WIDE, quoting))
        return delivered(lead, rows, lambda shown: _more_steps(chosen, shown), budget)
    found = findings(steps)
    variants = (_told(run, steps, found, Size(*size), quoting) for size in SIZES)
    following = _next(run, steps)
    room = budget - tokens(f"{lead}\n{following}") - tokens(fenced(""))
    lines = next((lines for lines in variants if tokens("\n".join(lines)) < room), None)
    if lines is None:
        lines = _told(run, steps, found, Size(*SIZES[-1]), quoting)
    return delivered(lead, lines, lambda shown: _left_out(len(lines) - shown) + following, budget, quoting.found)


def _left_out(count: int) -> str:
    return f"Left out: {counted(count, 'line')}. " if count else ""


def _more_steps(chosen: Sequence[Step], shown: int) -> str:
    if shown >= len(chosen):
        return "next: get_log_request_body or get_log_response_body with an id"
    return f'next: steps="{chosen[shown].number}-{chosen[-1].number}"'


def _next(run: Run, steps: Sequence[Step]) -> str:
    last = steps[-1].number
    return f'next: steps="1-{min(last, 10)}" for ids and details; get_log_request_body with an id' + (
        f". {run.looked}" if run.looked else ""
    )


def lead_of(run: Run, steps: Sequence[Step], gateway: str, quoting: Quoting) -> Iterator[str]:
    """Yield what the run is, its totals, and what could not be found out."""
    first, last = steps[0].call, max((step.call for step in steps), key=lambda call: call.end)
    until = f"{last.end:%H:%M:%S}" if last.end.date() == first.start.date() else f"{last.end:%m-%d %H:%M:%S}"
    span = f"{first.start:%Y-%m-%d %H:%M:%S}–{until} UTC"
    if run.total == 1:
        yield f"One call of gateway {gateway}, {span}: no other call belongs to its run. {run.looked}".rstrip()
    else:
        by = f", joined by {quoting.short(run.joined_by, 80)}" if run.joined_by else ""
        branches = threads(steps)
        what = f"Run of {counted(run.total, 'call')}{f' ({branches})' if branches else ''} of gateway {gateway}"
        yield f"{what}, {span}{by}."
    yield _sums(totals(steps), [step.call.log.model or "?" for step in steps], quoting)
    if run.counted:
        yield _between(run)
    yield from run.notes


def _sums(sums: Totals, models: Sequence[str], quoting: Quoting) -> str:
    named = [f"{quoting.short(model, 40)} ×{count}" for model, count in Counter(models).most_common(3)]
    before = f", {sums.sent_before:,.0f} of them sent before" if sums.sent_before else ""
    return (
        f"{_time(sums.wall)} total: {_time(sums.in_models)} in models, {_time(sums.between)} between calls. "
        f"{dollars(sums.cost) if sums.cost else 'no cost'}, {sums.tokens_in:,.0f} tokens in{before}, "
        f"{sums.tokens_out:,.0f} out. {', '.join(named)}."
    )


def _between(run: Run) -> str:
    failed = sum(log.success is False for log in run.counted)
    cost = sum(log.cost or 0 for log in run.counted)
    told = f"{counted(len(run.counted), 'call')}, {failed} failed, {dollars(cost) if cost else 'no cost'}"
    return f"Not read, in the middle: {told}. Totals and problems cover the rest."


def _told(run: Run, steps: Sequence[Step], found: Sequence[Finding], size: Size, quoting: Quoting) -> list[str]:
    lines = [_finding(finding, size, quoting) for finding in found[:MOST_FINDINGS]]
    if len(found) > MOST_FINDINGS:
        lines.append(f"! {len(found) - MOST_FINDINGS} more kinds of problems")
    shown = list(steps)
    if len(steps) > size.steps:
        half = size.steps // 2
        shown = [*steps[:half], *steps[-half:]]
    cost = " $" if size.longest > NARROW else ""
    head = f"step +start took in/out{cost}{' id' if size.ids else ''}: action → result"
    return [*lines, head, *_rows(steps, shown, run.spans, size, quoting)]


def _finding(finding: Finding, size: Size, quoting: Quoting) -> str:
    numbers = [step.number for step in finding.steps]
    named = ", ".join(map(str, numbers[:MOST_STEPS])) + (
        f" and {len(numbers) - MOST_STEPS} more" if len(numbers) > MOST_STEPS else ""
    )
    text = f": {quoting.short(finding.text, max(40, size.longest))}" if finding.text else ""
    example = f" ({finding.steps[0].call.id})" if finding.names_log and not size.ids else ""
    return f"! step{'s' if len(numbers) > 1 else ''} {named}{example} {finding.what}{text}"


def _rows(
    steps: Sequence[Step], shown: Sequence[Step], spans: Sequence[Span], size: Size, quoting: Quoting
) -> Iterator[str]:
    """Yield a line for each shown step, and for each traced tool between them."""
    first, before = steps[0].call.start, _before(steps, shown)
    waiting = [span for span in spans if span.tool]
    for step in shown:
        while waiting and waiting[0].start <= step.call.start:
            yield _span(waiting.pop(0), first, size, quoting)
        if before and step.number > before.number + 1:
            yield f"… {counted(step.number - before.number - 1, 'step')} between"
        yield _row(step, before, (step.call.start - first).total_seconds(), size, quoting)
        before = step
    yield from (_span(span, first, size, quoting) for span in waiting)


def _before(steps: Sequence[Step], shown: Sequence[Step]) -> Step | None:
    """Return the step before the first shown one."""
    return next((step for step in reversed(steps) if shown and step.number == shown[0].number - 1), None)


def _row(step: Step, before: Step | None, since: float, size: Size, quoting: Quoting) -> str:
    log = step.call.log
    figures = [
        str(step.number),
        f"+{_time(since)}" if since else "",
        _time((log.duration or 0) / 1000),
        f"{_short(log.tokens_in)}/{_short(log.tokens_out)}",
        dollars(log.cost) if log.cost and size.longest > NARROW else "",
        log.id if size.ids else "",
    ]
    return " ".join(filter(None, figures)) + ": " + "; ".join(filter(None, _did(step, before, size, quoting)))


def _did(step: Step, before: Step | None, size: Size, quoting: Quoting) -> Iterator[str]:
    """Yield how a step is linked to others, what was new in its request, and what it did."""
    longest = size.longest
    if step.link and step.parent and (step.link.how != "continues" or step.is_fork or step.parent is not before):
        yield f"{'fork of' if step.is_fork else LINKS[step.link.how]} {step.parent.number}"
    asked = [said for said in step.asked if said.kind == "text"]
    if asked and (step.number == 1 or step.link is None or step.link.how != "retries"):
        yield f'asked "{quoting.short(spoken(asked[-1].text), longest)}"'
    if step.call.failed:
        yield f"failed {step.call.log.status_code or ''}".rstrip()
    for said, result in step.tool_calls():
        came = ""
        if result is not None:
            came = f" → {'error: ' if is_error(result) else ''}{quoting.short(result.text, longest // 2) or '(empty)'}"
        yield f"{quoting.short(tool_call(said), longest)}{came}"
    texts = [said for said in step.did if said.kind == "text"]
    if texts and not any(said.kind == "call" for said in step.did):
        yield f'"{quoting.short(texts[0].text, longest)}"'
    if step.call.request is None:
        yield "(request not stored)"


def _span(span: Span, first: datetime, size: Size, quoting: Quoting) -> str:
    since = (span.start - first).total_seconds()
    came = f"failed: {span.error}" if span.error else span.result
    said = f"{span.tool} {span.arguments}"
    return f"  +{_time(max(0, since))} {_time(span.duration / 1000)}: tool {quoting.short(said, size.longest)}" + (
        f" → {quoting.short(came, size.longest // 2)}" if came else ""
    )


def _short(count: float | None) -> str:
    if count is None:
        return "?"
    return f"{count / 1000:.1f}k" if count >= 10_000 else f"{count:.0f}"


def _time(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f}h"
    if seconds >= 600:
        return f"{seconds / 60:.0f}min"
    return f"{seconds:.0f}s" if seconds >= 10 else f"{seconds:.1f}s".replace(".0s", "s")
