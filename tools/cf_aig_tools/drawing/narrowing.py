"""The arguments that select the calls of one group."""

from datetime import timedelta
from typing import Any

from cf_aig_gateway.models import Log
from cf_aig_tools.log_rows import when
from cf_aig_tools.parameters import metadata_key, wire_date
from cf_aig_tools.sessions import CLIENTS, session_of, user_of
from cf_aig_tools.summary.figures import FROM_CACHE, GATEWAY, NONE, SESSION
from cf_aig_tools.summary.lines import Line
from cf_aig_tools.summary.sources import floored

LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


def narrowing(line: Line, by: str) -> dict[str, Any] | None:
    """Return the extra arguments of page_overview and page_logs that select a group; None if no filter can."""
    log = line.now.rows[0].log if line.now.rows else None
    if line.name == NONE:
        return None
    match by:
        case "model" | "provider":
            return {by: line.name}
        case "cached":
            return {"cached": line.name == FROM_CACHE}
        case "hour" | "day":
            return _span(log, LENGTHS[by])
        case "user_agent":
            part = next((part for part, name in CLIENTS if name == line.name), line.name)
            return {"filters": [{"key": "user_agent", "operator": "contains", "value": [part]}]}
        case _ if by == GATEWAY:
            return {"gateway_id": line.name}
        case _ if by == SESSION:
            return _pair(log, session_of(log)) if log else None
        case "user":
            return _pair(log, user_of(log)) if log else None
        case _:
            key = metadata_key(by)
            return {"metadata": {key: log.metadata[key]}} if log and _is_scalar(log.metadata.get(key)) else None


def _span(log: Log | None, length: timedelta) -> dict[str, Any] | None:
    at = when(log) if log else None
    if at is None:
        return None
    start = floored(at, length)
    return {"start_date": wire_date(start), "end_date": wire_date(start + length)}


def _pair(log: Log, value: str) -> dict[str, Any] | None:
    """Return a log's metadata pair with this value, if there is one."""
    return next(({"metadata": {key: held}} for key, held in log.metadata.items() if value and str(held) == value), None)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)
