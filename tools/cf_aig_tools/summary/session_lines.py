"""Summarizes calls by session: whose they are, which are unusual, and what was asked last."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cf_aig_gateway.models import Log
from cf_aig_gateway.shapes import as_text
from cf_aig_tools.amounts import dollars, spent
from cf_aig_tools.bodies import Bodies
from cf_aig_tools.log_rows import percentile, when
from cf_aig_tools.sessions import Asker, askers, client_of
from cf_aig_tools.summary.lines import Line
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.summary.scope import Scope
from cf_aig_tools.tables import Cell

MOST_SHOWN = 24
"""Maximum sessions whose last words are looked up."""

LEAST = 5
"""Minimum other sessions of a user before one can be unusual."""


def unusual(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of sessions, marking those that cost far more than the user's and everyone's others."""
    of_user: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        of_user[_user(line)].append(line)
    return sorted((_judged(line, of_user[_user(line)], lines) for line in lines), key=Line.weight, reverse=True)


def _judged(line: Line, of_user: Sequence[Line], every: Sequence[Line]) -> Line:
    own = sorted(other.now.figures.cost for other in of_user if other is not line)
    others = sorted(other.now.figures.cost for other in every if other is not line)
    if len(own) < LEAST or not line.now.figures.cost:
        return replace(line, changed=())
    usual, most = percentile(own, 95), percentile(others, 99)
    if line.now.figures.cost <= max(2 * usual, most):
        return replace(line, changed=())
    whose = "this user's" if _user(line) else "the"
    return replace(line, changed=(f"unusual: over twice {whose} p95 of {dollars(usual)} and above everyone's p99",))


def _user(line: Line) -> str:
    held = (as_text(getattr(row.log, "user", "")) for row in line.now.rows)
    return next(filter(None, held), "")


async def last_words(scope: Scope, lines: Sequence[Line]) -> dict[str, Asker]:
    """Return, by session, what its last request says about the user."""
    last = {line.name: _last(line.now.rows) for line in lines[:MOST_SHOWN] if line.now.rows}
    found = await askers(Bodies(scope.gateway, scope.gateway_id), list(last.values()))
    return {name: found[log.id] for name, log in last.items() if log.id in found}


def _last(rows: Sequence[Row]) -> Log:
    return max((row.log for row in rows), key=lambda log: log.created_at or "")


def cells(line: Line, asked: Mapping[str, Asker], *, one_day: bool) -> dict[str, Cell]:
    """Return a session as a table row (cost in US dollars)."""
    figures, logs = line.now.figures, [row.log for row in line.now.rows]
    times = sorted(filter(None, map(when, logs)))
    form = "%H:%M:%S" if one_day else "%m-%d %H:%M"
    return {
        "session": line.name,
        "first": _time(times[:1], form),
        "last": _time(times[-1:], form),
        "calls": round(figures.calls),
        "failed": round(figures.failed),
        "$": spent(figures.cost),
        "in": round(figures.tokens_in),
        "out": round(figures.tokens_out),
        "models": ", ".join(name for name, _ in Counter(log.model or "?" for log in logs).most_common(2)),
        "client": next((client for log in logs if (client := client_of(log))), ""),
        "user": _user(line),
        "last asked": asked[line.name].words if line.name in asked else "",
        "last id": _last(line.now.rows).id if logs else "",
        "changed": "; ".join(line.changed),
    }


def _time(times: Sequence[datetime], form: str) -> str:
    return times[0].strftime(form) if times else ""
