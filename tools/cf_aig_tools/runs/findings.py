"""Finds the problems of a run, and its totals."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from cf_aig_gateway.formats.content import as_json
from cf_aig_gateway.formats.endings import shortfall
from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.shapes import as_object
from cf_aig_tools import failures
from cf_aig_tools.amounts import counted
from cf_aig_tools.comparison.turns import common
from cf_aig_tools.runs.calls import Said
from cf_aig_tools.runs.steps import Step

LEAST_GAP = timedelta(seconds=30)
"""The shortest pause between calls that is reported, if it is also GAP times the usual one."""
GAP = 5

AFTER = {"retries": "retried", "falls back": "replaced"}
"""What a later step did about a failed one."""

MOST_LOOPS = 4
"""Maximum repeated tool calls that are reported."""

GREW = 5
"""Factor by which request tokens must grow to be reported."""
LEAST_GROWN = 10_000

_ERROR = re.compile(
    r"\s*(?:\(error\)|<tool_use_error>|traceback \(most|error\b|exception\b|failed\b|fatal\b|\[?errno\b"
    r"|command not found|\{\s*\"?(?:error|is_?error\"?\s*:\s*true)|.{0,80}(?:no such file or directory"
    r"|permission denied|timed out|exit code [1-9]|command failed))",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Finding:
    """A problem or oddity: a description, logged text that shows it, and the steps it affects.

    `names_log`: the first of its logs is worth opening.
    """

    what: str
    steps: tuple[Step, ...]
    text: str = ""
    names_log: bool = False
    kind: str = ""


@dataclass(frozen=True)
class Totals:
    """The totals of a run: times in seconds, cost in US dollars."""

    wall: float
    in_models: float
    cost: float
    tokens_in: float
    tokens_out: float
    sent_before: float

    @property
    def between(self) -> float:
        """Seconds in which no call was running."""
        return max(0.0, self.wall - self.in_models)


def totals(steps: Sequence[Step]) -> Totals:
    """Return the totals of steps."""
    logs = [step.call.log for step in steps]
    spans = sorted((step.call.start, step.call.end) for step in steps)
    return Totals(
        (max(end for _, end in spans) - spans[0][0]).total_seconds(),
        _covered(spans),
        sum(log.cost or 0 for log in logs),
        sum(log.tokens_in or 0 for log in logs),
        sum(log.tokens_out or 0 for log in logs),
        sum(_sent_before(step) for step in steps),
    )


def _covered(spans: Sequence[tuple[datetime, datetime]]) -> float:
    total, until = 0.0, spans[0][0]
    for start, end in spans:
        if end > until:
            total += (end - max(start, until)).total_seconds()
            until = end
    return total


def _sent_before(step: Step) -> float:
    """Return how many tokens of a request were already in an earlier one."""
    if step.parent is None or step.link is None or step.link.how not in {"continues", "retries", "falls back"}:
        return 0
    return min(step.parent.call.log.tokens_in or 0, step.call.log.tokens_in or 0)


def findings(steps: Sequence[Step]) -> list[Finding]:
    """Return the problems, worst first."""
    kinds = {
        "failed": _failed,
        "ending": _endings,
        "tool error": _bad_results,
        "loop": _loops,
        "retry": _repeated,
        "rewritten": _rewritten,
        "changed": _changed,
        "gap": _gaps,
        "grown": _grown,
    }
    return [replace(finding, kind=kind) for kind, found in kinds.items() for finding in found(steps)]


def _failed(steps: Sequence[Step]) -> Iterator[Finding]:
    groups: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        if step.call.failed:
            status = step.call.log.status_code
            groups[f"{failures.from_status(status) or 'failed'} ({status})"].append(step)
    for what, held in groups.items():
        after = {other.link.how: other for other in steps if other.parent in held and other.link}
        then = next((f"; step {after[how].number} {done} it" for how, done in AFTER.items() if how in after), "")
        verb = "failed" if len(held) == 1 else f"failed, {len(held)} times"
        yield Finding(f"{verb}: {what}{then}", tuple(held), names_log=True)


def _endings(steps: Sequence[Step]) -> Iterator[Finding]:
    for step in steps:
        reply = step.call.reply
        if reply and not step.call.failed and (wrong := reply.broken or shortfall(reply)):
            yield Finding(f"its reply {'broke off: ' if reply.broken else ''}{wrong}", (step,), names_log=True)
        elif reply is None and _filled(step):
            yield Finding("its reply reached its length limit and may be truncated", (step,))


def _filled(step: Step) -> bool:
    parameters = step.call.request.parameters if step.call.request else {}
    limits = (parameters.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
    limit = next(filter(None, limits), "")
    return bool(limit) and str(round(step.call.log.tokens_out or -1)) == limit


def _bad_results(steps: Sequence[Step]) -> Iterator[Finding]:
    for what, is_bad in (("returned an error", is_error), ("returned nothing", _is_empty)):
        groups: dict[str, list[tuple[Step, str]]] = defaultdict(list)
        for step in steps:
            for call, result in step.tool_calls():
                if result is not None and is_bad(result):
                    groups[call.name].append((step, result.text))
        for name, held in groups.items():
            times = f", {len(held)} times" if len(held) > 1 else ""
            yield Finding(
                f"a tool {what}{times}", tuple(step for step, _ in held), f"{name} → {held[0][1]}", names_log=True
            )


def tool_call(said: Said) -> str:
    """Return a short form of a tool call: its name and argument values."""
    value = read_json(said.text)
    if not isinstance(value, dict):
        return f"{said.name}({said.text})"
    values = (held if isinstance(held, str) else as_json(held) for held in as_object(value).values())
    return f"{said.name}({', '.join(values)})"


def is_error(result: Said) -> bool:
    """Whether a tool's result reports a failure."""
    return bool(_ERROR.match(result.text))


def _is_empty(result: Said) -> bool:
    return result.text.strip() in {"", "[]", "{}", "null", "None"}


def _loops(steps: Sequence[Step]) -> Iterator[Finding]:
    groups: dict[int, list[tuple[Step, Said, Said | None]]] = defaultdict(list)
    for step in steps:
        for call, result in step.tool_calls():
            groups[call.mark].append((step, call, result))
    for held in sorted(groups.values(), key=len, reverse=True)[:MOST_LOOPS]:
        marks = {result.mark for _, _, result in held if result}
        same = len(marks) == 1 and all(result for _, _, result in held)
        if len(held) > 2 or (len(held) == 2 and same):
            told = "with the same result each time" if same else f"with {len(marks)} different results"
            call = held[0][1]
            what = f"same tool call {len(held)} times, {told}"
            yield Finding(what, tuple(step for step, _, _ in held), tool_call(call))


def _repeated(steps: Sequence[Step]) -> Iterator[Finding]:
    again = tuple(step for step in steps if step.link and step.link.how == "retries" and not _parent(step).call.failed)
    if again:
        yield Finding("same request again, though it had succeeded", again)


def _rewritten(steps: Sequence[Step]) -> Iterator[Finding]:
    for step in steps:
        if step.link and step.parent and step.link.how in {"compacts", "edits"}:
            before, after = step.parent.call.log.tokens_in or 0, step.call.log.tokens_in or 0
            what = "compacted" if step.link.how == "compacts" else "edited"
            yield Finding(
                f"history {what} after step {step.parent.number}: {before:,.0f} → {after:,.0f} tokens in", (step,)
            )


def _changed(steps: Sequence[Step]) -> Iterator[Finding]:
    for step in steps:
        if step.parent is None or step.link is None or step.link.how != "continues":
            continue
        before, after = step.parent.call.instructions, step.call.instructions
        if before and after and before != after:
            at = common(before, after)
            what = f"the system prompt changed at character {at:,}"
            yield Finding(what, (step,), f"…{before[at : at + 60]} → …{after[at : at + 60]}")
        requests = step.parent.call.request, step.call.request
        if requests[0] and requests[1] and requests[0].tools != requests[1].tools:
            was, now = (set(request.tools) for request in requests if request)
            told = [*(f"+{name}" for name in sorted(now - was)), *(f"-{name}" for name in sorted(was - now))]
            yield Finding("the tools changed", (step,), ", ".join(told) or "their order")


def _gaps(steps: Sequence[Step]) -> Iterator[Finding]:
    pauses = [(step.call.start - step.parent.call.end, step) for step in steps if step.parent]
    usual = timedelta(seconds=median(pause.total_seconds() for pause, _ in pauses)) if pauses else timedelta()
    for pause, step in sorted(pauses, key=lambda pair: pair[0], reverse=True)[:3]:
        if pause > LEAST_GAP and pause > GAP * usual:
            names = ", ".join(dict.fromkeys(call.name for call, _ in _parent(step).tool_calls()))
            yield Finding(f"{pause.total_seconds():,.0f} s idle before it", (step,), names)


def _grown(steps: Sequence[Step]) -> Iterator[Finding]:
    sizes = [(step.call.log.tokens_in or 0, step) for step in steps if step.call.log.tokens_in]
    if len(sizes) < 3:
        return
    first, (largest, step) = sizes[0][0], max(sizes, key=lambda pair: pair[0])
    if largest > LEAST_GROWN and largest > GREW * first:
        yield Finding(f"requests grew from {first:,.0f} to {largest:,.0f} tokens", (step,))


def _parent(step: Step) -> Step:
    return step.parent or step


def threads(steps: Sequence[Step]) -> str:
    """Describe how a run branches; empty if it does not."""
    started = [step for step in steps if step.link and step.link.how == "was started by"]
    forks = sum(step.is_fork for step in steps)
    roots = sum(step.link is None for step in steps) - 1
    parts = [
        counted(len(started), "sub-agent") if started else "",
        counted(forks, "fork") if forks else "",
        counted(roots, "other start") if roots > 0 else "",
    ]
    return ", ".join(filter(None, parts))
