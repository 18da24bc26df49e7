"""Formats a summary: a line for all calls, a table of groups, causes of failure, and the basis of the figures."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from mcp.types import CallToolResult
from pydantic import BaseModel

from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import shortened
from cf_aig_gateway.providers import CUSTOM
from cf_aig_tools.amounts import counted, dollars
from cf_aig_tools.desk import answer, fits
from cf_aig_tools.log_rows import when
from cf_aig_tools.reading.fence import fenced
from cf_aig_tools.reading.masking import Masker, visible
from cf_aig_tools.summary import session_lines
from cf_aig_tools.summary.clusters import Cluster
from cf_aig_tools.summary.figures import GATEWAY, SESSION, Figures
from cf_aig_tools.summary.findings import Findings
from cf_aig_tools.summary.lines import Line, added_up, all_of, cells, sentence, under_one_name
from cf_aig_tools.summary.pages import spread
from cf_aig_tools.summary.sources import Question
from cf_aig_tools.tables import Cell, cut, table

MAX_TOKENS = 1450
SIZES = ((24, 80), (12, 80), (12, 40), (8, 40), (5, 30), (3, 20), (1, 10))
"""Maximum rows and cell length: the first pair with which the result fits MAX_TOKENS is used."""


class Summary(BaseModel):
    """Figures in groups; `failures` are [calls, kind, words, first, last, models, example id].

    `reasons` say what else changed when a group did.
    """

    summary: str
    same: dict[str, Any] | None = None
    columns: list[str] = []
    rows: list[list[Any]] = []
    failures: list[list[Any]] = []
    reasons: list[str] | None = None
    basis: str
    next: str


def told(found: Findings, masker: Masker, elsewhere: str = "") -> CallToolResult:
    """Return a summary in both channels, cut to MAX_TOKENS; without calls, it says what there is `elsewhere`."""
    if not found.lines:
        return _empty(found, elsewhere)
    names = masker.masked({found.question.by: [line.name for line in found.lines]})[found.question.by]
    found = replace(found, lines=under_one_name(found.lines, names))
    results = (_result(found, masker, *size) for size in SIZES)
    fitting = next((result for result in results if fits(result, MAX_TOKENS)), None)
    return fitting or _result(found, masker, 0, 5)


def _empty(found: Findings, elsewhere: str) -> CallToolResult:
    summary, basis = summary_of(found), basis_of(found, 0, elsewhere)
    following = "list_logs without dates shows the newest calls; list_gateways the gateways"
    text = f"{summary}\n{basis}\nnext: {following}"
    return answer(text, Summary(summary=summary, basis=basis, next=following))


def _result(found: Findings, masker: Masker, rows: int, longest: int) -> CallToolResult:
    by = found.question.by
    summary = summary_of(found)
    groups = masker.masked([_cells(line, found) for line in _shortened(found.lines, rows)])  # before names are cut
    shown = table(groups, keep=by, longest=longest)
    kept = found.clusters[: max(2, rows // 2)]
    told = [_cluster(cluster, masker, longest) for cluster in kept]
    reasons = [_reason(what, because, masker, longest) for what, because in found.reasons] if rows else []
    basis = basis_of(found, len(kept))
    following = "get_log_details with an id" if told else f"list_logs with the {by} and dates of a row"
    if by == SESSION:
        following = 'trace_run with a log_id of a session (list_logs fields=["session"])'
    if by == GATEWAY:
        following = "summarize_logs with the gateway_id of a row"
    structured = Summary(
        summary=summary,
        same=shown.same or None,
        columns=shown.columns,
        rows=shown.rows,
        failures=told,
        reasons=reasons or None,
        basis=basis,
        next=following,
    )
    words = fenced("\n".join(map(_cluster_text, told))) if told else ""
    failures = f"Failures:\n{words}" if words else ""
    text = "\n".join(filter(None, [summary, shown.text(), *reasons, failures, basis, f"next: {following}"]))
    return answer(text, structured)


def summary_of(found: Findings) -> str:
    """Return the totals of all calls, and what changed overall."""
    heading, by = _heading(found.question), found.question.by
    if not found.lines:
        return f"{heading}: no calls.{guardrails(found.sources.evaluations)}"
    told = f"{heading}: {sentence(all_of(found.lines, found.sources.totals), found.lines, found.answered)}"
    if found.changed:
        told += f" Of all calls: {'; '.join(found.changed)}."
    return told + guardrails(found.sources.evaluations, by)


def basis_of(found: Findings, kept: int, elsewhere: str = "") -> str:
    """Return what the figures are based on, given how many causes are shown; without calls, the likely reasons."""
    if not found.lines:
        notes = "".join(f" {note}" for note in found.sources.now.rows.notes)
        return (
            f"There are none in analytics or logs.{notes}{elsewhere} Likely: the time range is wrong (analytics lag by "
            "minutes, "
            "logs by seconds), the filters are too narrow, or the gateway keeps no logs."
        )
    return " ".join(_basis(found, kept))


def guardrails(figures: Figures, by: str = "") -> str:
    """Return a sentence about guardrails evaluations; empty if there are none."""
    if not figures.calls:
        return ""
    spent = dollars(figures.cost) if figures.cost else "no cost"
    if by == GATEWAY:
        calls = counted(figures.calls, "call is", "calls are")
        return f" Of these, {calls} to the guardrails model, {spent}."
    calls = counted(figures.calls, "evaluation call")
    return f" Guardrails: {calls}, {spent}, not counted as user calls."


def _cells(line: Line, found: Findings) -> dict[str, Cell]:
    if found.question.by != SESSION:
        return cells(line, found.question.by)
    return session_lines.cells(line, found.asked, one_day=found.question.scope.is_of_one_day())


def _shortened(found: Sequence[Line], most: int) -> list[Line]:
    """Return this many lines, and the rest combined into one."""
    rest = found[most:]
    return [*found[:most], *([added_up(f"{len(rest)} more", rest)] if rest else [])]


def _reason(what: str, because: Sequence[str], masker: Masker, longest: int) -> str:
    """Return what else changed with a change; it contains untrusted names and values."""
    said = visible(masker.mask(f"{what}: {'; '.join(because)}"))
    return " ".join(str(cut(said, 4 * longest)).split())


def _cluster(cluster: Cluster, masker: Masker, longest: int) -> list[Any]:
    """Return a cluster as a row; its words are untrusted."""
    words = cut(visible(masker.mask(" ".join(cluster.told().split()))), 2 * longest)
    newest = max(cluster.logs, key=lambda log: log.created_at or "")
    times = sorted(at for at in map(when, cluster.logs) if at)
    days = {at.date() for at in times}
    form = "%H:%M:%S" if len(days) == 1 else "%m-%d %H:%M"
    models = [
        str(cut(masker.mask(name), longest))
        for name, _ in Counter(log.model or "" for log in cluster.logs).most_common()
    ]
    named = ", ".join(filter(None, models[:3])) + (f" and {len(models) - 3} more" if len(models) > 3 else "")
    ends = [at.strftime(form) for at in (times[0], times[-1])] if times else ["", ""]
    return [round(cluster.count), cluster.kind, words, *ends, named, newest.id]


def _cluster_text(told: Sequence[Any]) -> str:
    count, kind, words, first, last, models, example = told
    said = f': "{words}"' if words else ""
    when = f"{first} to {last}" if first != last else first
    return ", ".join(filter(None, [f"{count:,} × {kind}{said}", models, when, example]))


def _basis(found: Findings, kept: int) -> Iterator[str]:
    """Yield what the figures are based on, and what they leave out."""
    sources, read = found.sources, found.sources.now.rows
    if found.question.by == GATEWAY:
        yield "From analytics, which may sample and lag by minutes. No logs were read, so causes are unknown."
        if among := found.question.scope.among:
            yield f"Only the gateways allowed here: {', '.join(among)}."
        return
    sampled = "" if read.are_all else ", sampled evenly over the range"
    if sources.doubt:
        yield f"{shortened(sources.doubt, 300)} {_from_logs(found)}"
    else:
        what = "percentiles" if found.question.by != SESSION else "times, models, clients and users"
        yield f"Counts and sums from analytics (all calls), {what} from {read.coverage()}{sampled}."
        yield from _lag(found)
    yield from read.notes
    if found.sources.failed.rows:
        rest = len(found.clusters) - kept
        others = f"; {rest} rarer causes not shown" if rest > 0 else ""
        yield f"Causes from the bodies of {found.read:,} of {found.sources.failed.total:,} failures{others}."
    yield from _unknown([row.log for row in read.rows])


def _from_logs(found: Findings) -> str:
    """Say which figures are based on logs, and the possible error of estimates at 95 %."""
    sources, read = found.sources, found.sources.now.rows
    if read.are_all:
        return f"All figures from {read.coverage()}."
    exact = "Totals are from analytics" if sources.totals else "Calls and failures are counted"
    calls = 0.98 * read.total / math.sqrt(len(read.rows) or 1)
    cost = "" if sources.totals else f", cost by {100 * spread(read.rows):.0f} %"
    return (
        f"{exact}; the rest is estimated from {read.coverage()}, sampled evenly over the range: "
        f"a group's calls may be off by {calls:,.0f}{cost}."
    )


def _lag(found: Findings) -> Iterator[str]:
    counted = sum(line.now.figures.calls for line in found.lines)
    logged = found.sources.now.rows.total
    if counted != logged:
        yield (
            f"Analytics count {counted:,.0f} calls but there are {logged:,} logs: analytics lag by minutes and "
            "may sample."
        )


def _unknown(logs: Sequence[Log]) -> Iterator[str]:
    """Name the calls whose cost is shown as zero."""
    paid = [log for log in logs if log.success and not log.cached]
    usage = [log for log in paid if not log.tokens_in and not log.tokens_out]
    rest = [log for log in paid if not log.cost and (log.tokens_in or log.tokens_out)]
    custom = [log for log in rest if (log.provider or "").startswith(CUSTOM)]
    price = [log for log in rest if not (log.provider or "").startswith(CUSTOM)]
    kinds = (("usage", usage), ("price", price), ("custom provider price", custom))
    for what, without in kinds:
        if without:
            models = list(dict.fromkeys(str(cut(log.model or "no model name", 200)) for log in without))
            named = ", ".join(models[:3]) + (" …" if len(models) > 3 else "")
            yield f"Without {what}, so counted as $0: {len(without):,} of the calls read ({named})."


def _heading(question: Question) -> str:
    scope = question.scope
    heading = scope.heading
    if question.earlier is None:
        return heading
    if question.earlier == scope.end - scope.start:
        return f"{heading} vs. the period before"
    return f"{heading} vs. {question.earlier / timedelta(hours=1):g} h earlier"
