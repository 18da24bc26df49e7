"""Finds the sessions of the logs that a summary reads."""

from collections.abc import Sequence
from dataclasses import replace

from cf_aig_tools.bodies import Bodies
from cf_aig_tools.sessions import Asker, askers, named, session_of
from cf_aig_tools.summary.pages import Rows
from cf_aig_tools.summary.scope import Scope

MOST_READ = 200
"""Maximum request bodies read for the sessions of logs that name none."""


async def with_sessions(scope: Scope, reads: Sequence[Rows]) -> list[Rows]:
    """Return logs with their sessions; if a log names none, its body is read, for the newest such logs."""
    logs = {row.log.id: row.log for rows in reads for row in rows.rows if not session_of(row.log)}
    newest = sorted(logs.values(), key=lambda log: log.created_at or "", reverse=True)[:MOST_READ]
    found = await askers(Bodies(scope.gateway, scope.gateway_id), newest)
    note = ""
    if logs:
        note = f"Sessions come from request bodies for {len(found):,} of the {len(logs):,} calls whose logs name none."
    return [
        replace(
            rows,
            rows=[replace(row, log=named(row.log, found.get(row.log.id, Asker()))) for row in rows.rows],
            notes=(*rows.notes, *([note] if note and place == 1 else [])),
        )
        for place, rows in enumerate(reads)
    ]
