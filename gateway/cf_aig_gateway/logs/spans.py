"""The trace behind a log: what an agent did between its calls.

Cloudflare's Agents SDK writes the id of the gateway's log on the spans of its chats, as `cloudflare.ai_gateway.log.id`
(github.com/cloudflare/agents, 2026-08-21): one query finds the trace, and another its spans. Names follow the
OpenTelemetry conventions for generative AI.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cf_aig_gateway.formats.content import as_json
from cf_aig_gateway.logs import fields, telemetry
from cf_aig_gateway.logs.telemetry import Asked, Post
from cf_aig_gateway.one_line import one_line
from cf_aig_gateway.shapes import as_text

LOG_ID = "cloudflare.ai_gateway.log.id"
TRACE_IDS = ("$metadata.traceId", "traceId", "trace_id")
MOST_SPANS = 500


@dataclass(frozen=True)
class Span:
    """One span of a trace, with single-line texts.

    `duration` is in milliseconds; `tool` is empty if it isn't a tool call.
    """

    start: datetime
    duration: float
    tool: str = ""
    arguments: str = ""
    result: str = ""
    error: str = ""


async def spans(post: Post, over: telemetry.Span, log_id: str) -> list[Span]:
    """Return the spans of the trace that names a log, in order of time; none if no trace names it."""
    named = await telemetry.events(post, _where(over, LOG_ID, log_id), 1)
    values = fields.flattened(named.events[0]) if named.events else {}
    key = next((key for key in TRACE_IDS if values.get(key)), "")
    if not key:
        return []
    found = await telemetry.events(post, _where(over, key, as_text(values[key])), MOST_SPANS)
    return sorted(_read(found), key=lambda span: span.start)


def _where(over: telemetry.Span, key: str, value: str) -> Asked:
    return Asked(over, [{"key": key, "operation": "eq", "type": "string", "value": value}])


def _read(found: telemetry.Events) -> Iterator[Span]:
    for event in found.events:
        values = fields.flattened(event)
        at = fields.number(values.get("$metadata.startTime")) or fields.number(event.get("timestamp")) or 0
        duration = fields.number(values.get("$metadata.duration")) or fields.number(values.get("duration")) or 0
        yield Span(
            datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at),
            duration,
            _first(values, "gen_ai.tool.name"),
            _first(values, "gen_ai.tool.call.arguments"),
            _first(values, "gen_ai.tool.call.result"),
            _first(values, "$metadata.error", "error.type", "exception.message"),
        )


def _first(values: Mapping[str, Any], *names: str) -> str:
    return one_line(next(filter(None, (_text(values, name) for name in names)), ""))


def _text(values: Mapping[str, Any], name: str) -> str:
    """Return a value as text, even if it was JSON and has been parsed."""
    if name in values:
        return "" if values[name] is None else str(values[name])
    members = {key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}
    return as_json(members) if members else ""
