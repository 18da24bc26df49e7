"""Shows logs as table rows, and summarizes a page of logs."""

import difflib
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats.usage import Usage, count
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import named
from cf_aig_tools import evaluations, failures
from cf_aig_tools.amounts import dollars, seconds, significant
from cf_aig_tools.parameters import metadata_key
from cf_aig_tools.sessions import session_of
from cf_aig_tools.steps import answers
from cf_aig_tools.tables import Cell

COLUMNS = (
    "id", "time", "model", "provider", "status", "s", "in", "out", "$", "gateway cache", "step", "feedback", "what",
)  # fmt: skip
"""The columns that matter for debugging. `fields` may name these, any of OTHERS, or any field of an API log."""

OTHERS = ("session", "prompt cache")

FIELDS = {"status": "status_code", "gateway cache": "cached"}
"""Columns whose field has another name."""

_SCALARS = frozenset({str, int, float, bool, type(None)})

MOST_KEYS = 12
"""Maximum metadata keys named in an error."""


def log_columns(logs: Sequence[Log], fields: Sequence[str], metadata: Sequence[str]) -> dict[str, list[Cell]]:
    """Return the requested columns (default: all), then those metadata keys, with one cell per log.

    Raises:
        GatewayError: no log has such a field or metadata key.

    """
    _refuse_unknown(logs, fields)
    names = ["id", *(name for name in fields if name != "id")] if fields else COLUMNS
    columns = {name: _column(name, logs) for name in names}
    return columns | {key: [plain(log.metadata.get(key)) for log in logs] for key in metadata}


def _refuse_unknown(logs: Sequence[Log], fields: Sequence[str]) -> None:
    known = {*COLUMNS, *OTHERS, *Log.model_fields, *(name for log in logs for name in log.model_extra or ())}
    for name in fields:
        if key := metadata_key(name):
            refuse_unknown_key(logs, key)
        elif name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0)
            raise GatewayError(f"Logs have no field {named(name)}: did you mean {named(near[0])}?")


def refuse_unknown_key(logs: Sequence[Log], key: str) -> None:
    """Reject a metadata key that none of these logs has.

    Raises:
        GatewayError: it lists the keys that exist.

    """
    keys = sorted({name for log in logs for name in log.metadata})
    if logs and key not in keys:
        there = ", ".join(named(name, 40) for name in keys[:MOST_KEYS]) + (" …" if len(keys) > MOST_KEYS else "")
        there = f"The keys are {there}" if keys else "They have no metadata"
        raise GatewayError(f"None has metadata key {named(key)}. {there}.")


def _column(name: str, logs: Sequence[Log]) -> list[Cell]:
    match name:
        case "time":
            shared = shared_time(logs)
            return [time_of(log, shared) for log in logs]
        case "provider":
            return [None if names_provider(log) else log.provider for log in logs]
        case "s":
            return [None if log.duration is None else seconds(log.duration) for log in logs]
        case "in":
            return [_whole(log.tokens_in) for log in logs]
        case "out":
            return [_whole(log.tokens_out) for log in logs]
        case "$":
            return [None if log.cost is None else significant(log.cost) for log in logs]
        case "prompt cache":
            return [_prompt_cache(log) for log in logs]
        case "step":
            return [log.step or None for log in logs]
        case "session":
            return [session_of(log) or None for log in logs]
        case "what":
            answered = answers(logs)
            return [what(log, answered.get(log.id)) for log in logs]
        case _:
            return _plain_column(name, logs)


def _plain_column(name: str, logs: Sequence[Log]) -> list[Cell]:
    """Return a metadata key or an API field unchanged. Most fields don't need to check each cell."""
    if key := metadata_key(name):
        return [plain(log.metadata.get(key)) for log in logs]
    field = FIELDS.get(name, name)
    cells = [getattr(log, field, None) for log in logs]
    return cells if _SCALARS.issuperset(map(type, cells)) else [plain(cell) for cell in cells]


def _prompt_cache(log: Log) -> str | None:
    """Return how many input tokens came from the provider's cache; None if the log does not say."""
    usage = usage_of(log)
    if log.cached or not usage.tokens_in or not usage.is_cache_stated:
        return None
    return f"{usage.cache_read:,} of {usage.tokens_in:,}"


def what(log: Log, answer: Log | None = None) -> str:
    """Return the cause of a failure from its status, and the later step that answered; empty for a success.

    Calls made by guardrails are marked.
    """
    failed = "" if log.success else failures.from_status(log.status_code)
    told = [evaluations.WHAT if evaluations.is_evaluation(log) else "", failed]
    told.append(f"answered by step {answer.step}" if answer else "")
    return ", ".join(filter(None, told))


def names_provider(log: Log) -> bool:
    """Whether the model name already includes the provider."""
    model = log.model or ""
    return model.startswith(f"{log.provider}/") or (log.provider == "workers-ai" and model.startswith("@cf/"))


def usage_of(log: Log) -> Usage:
    """Return the token usage of a log."""
    facts = log.usage_metadata
    read = count(facts.get("input_cached_tokens"))
    return Usage(
        count(log.tokens_in),
        count(log.tokens_out),
        cache_read=read or 0,
        is_cache_stated=read is not None,
        reasoning=count(facts.get("output_reasoning_tokens")) or 0,
    )


def when(log: Log) -> datetime | None:
    """Return when a log was created, in UTC."""
    return _moment(log.created_at or "")


@lru_cache(maxsize=1024)
def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def shared_time(logs: Sequence[Log]) -> int:
    """Return the length of the time prefix shared by all logs: 11 characters (the date), 5 (the year) or 0."""
    dates = {moment.date() for moment in map(when, logs) if moment}
    if len(dates) <= 1:
        return len("2026-11-28 ")
    return len("2026-") if len({date.year for date in dates}) == 1 else 0


def time_of(log: Log, shared: int) -> str | None:
    """Return a log's time without the shared prefix; unparsable times are returned unchanged."""
    moment = when(log)
    return moment.isoformat(" ", "seconds")[shared:19] if moment else log.created_at


def common_date(logs: Sequence[Log]) -> str:
    """Return the date or year that all rows share and their times omit."""
    moment = next((moment for moment in map(when, logs) if moment), None)
    shared = moment.isoformat(" ")[: shared_time(logs)].rstrip(" -") if moment else ""
    return f"{shared} (UTC)" if shared else "UTC"


def page_figures(logs: Sequence[Log]) -> str:
    """Return totals for a page of logs: failures, cost, cache hits, median and 95th percentile duration."""
    failed = sum(log.success is False for log in logs)
    cached = sum(log.cached is True for log in logs)
    costs = [log.cost for log in logs if log.cost is not None]
    durations = sorted(log.duration for log in logs if log.duration is not None)
    evaluated = sum(map(evaluations.is_evaluation, logs))
    parts = [f"{failed} failed" if failed else "", f"{cached} from the gateway cache" if cached else ""]
    parts.append(f"{evaluated} by guardrails" if evaluated else "")
    if len(durations) > 1:
        parts.append(f"{seconds(percentile(durations, 50)):g} s p50, {seconds(percentile(durations, 95)):g} s p95")
    parts.append(dollars(sum(costs)) if sum(costs) else "no cost")
    if len(costs) < len(logs) and costs:
        parts.append(f"{len(logs) - len(costs)} without a price")
    return ", ".join(part for part in parts if part)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile of ascending values."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _whole(value: float | None) -> int | float | None:
    return int(value) if value is not None and value == int(value) else value


def plain(value: Any) -> Cell:
    """Return a value as a cell: containers as compact JSON, nothing for empty values."""
    if value is None or isinstance(value, str | int | float):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value not in ({}, []) else None
