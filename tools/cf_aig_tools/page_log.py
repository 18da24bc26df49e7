"""The page's third view: one log, with what happened, its facts, and the conversation in its bodies."""

from collections.abc import Callable, Iterator
from typing import Any

from mcp.types import CallToolResult, ToolAnnotations

from cf_aig_gateway.models import Log
from cf_aig_tools import failures
from cf_aig_tools.amounts import dollars
from cf_aig_tools.desk import Call, desk_of
from cf_aig_tools.drawing import drawn, iso, short
from cf_aig_tools.drawing.conversation import drawn_body
from cf_aig_tools.get_log_details import Told, fields_of, found_out, outcome_of, sizes_of
from cf_aig_tools.log_rows import plain, usage_of, when
from cf_aig_tools.parameters import GatewayId, LogId
from cf_aig_tools.sessions import session_of, user_of
from cf_aig_tools.tables import shown

ANNOTATIONS = ToolAnnotations(title="One log", read_only_hint=True, open_world_hint=True)

MOST_BYTES = 512 * 1024
ABOUT = 160 * 1024
"""Bytes for everything except the bodies. Each body gets half of the rest."""

ROOM = 300
"""Maximum tokens of a line, as in get_log_details."""

MOST_ROWS = 40
LONGEST = 200

Rows = list[list[str]]


async def page_log(ctx: Call, log_id: LogId, gateway_id: GatewayId = "") -> CallToolResult:
    """One logged request for the page: what happened, its facts, both conversations."""
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    told = await found_out(desk, gateway, log_id)
    each = (MOST_BYTES - ABOUT) // 2
    request = await drawn_body(desk.gateway.request_body(gateway, log_id), desk.masker, each)
    response = await drawn_body(desk.gateway.response_body(gateway, log_id), desk.masker, each)
    log = told.log
    return drawn(
        {
            "gateway_id": gateway,
            "log_id": log.id,
            "summary": f"{outcome_of(told, ROOM)}\n{told.around}".strip().split("\n"),
            "steps": list(map(_step, told.steps)),
            "ok": log.success,
            "created_at": iso(when(log)),
            "provider": log.provider,
            "model": log.model,
            "status": log.status_code,
            "seconds": None if log.duration is None else log.duration / 1000,
            "tokens_in": log.tokens_in,
            "tokens_out": log.tokens_out,
            "cost": log.cost,
            "cached": log.cached,
            "feedback": log.feedback,
            "score": (log.model_extra or {}).get("score"),
            "session": session_of(log) or None,
            "user": user_of(log) or None,
            "facts": [{"title": title, "rows": rows} for title, rows in _facts(told) if rows],
            "request": request,
            "response": response,
        }
    )


def _step(log: Log) -> dict[str, Any]:
    what = None if log.success else failures.from_status(log.status_code)
    return {"log_id": log.id, "model": log.model, "status": log.status_code, "ok": log.success, "what": what}


def _facts(told: Told) -> Iterator[tuple[str, Rows]]:
    log = told.log
    yield "Call", _rows(_call(log))
    yield "Tokens and cost", _rows(_usage(log))
    yield "Metadata", _rows((name, shown(plain(value))) for name, value in log.metadata.items())
    yield "Other fields", _rows((name, shown(plain(value))) for name, value in fields_of(log, ROOM).items())


def _call(log: Log) -> Iterator[tuple[str, str]]:
    yield "log id", log.id
    yield "provider", log.provider or ""
    yield "model", log.model or ""
    yield "status", str(log.status_code or "")
    yield "duration", "" if log.duration is None else f"{log.duration / 1000:.3f} s"
    yield "first byte after", "" if log.latency is None else f"{log.latency / 1000:.3f} s"
    yield "step", str(log.step or "")
    yield "gateway cache", "hit" if log.cached else "no hit"
    yield from sizes_of(log)


def _usage(log: Log) -> Iterator[tuple[str, str]]:
    usage = usage_of(log)
    yield "tokens in", shown(log.tokens_in)
    yield "tokens out", shown(log.tokens_out)
    yield "from the prompt cache", f"{usage.cache_read:,}" if usage.is_cache_stated else ""
    yield "for reasoning", f"{usage.reasoning:,}" if usage.reasoning else ""
    yield "cost", "" if log.cost is None else dollars(log.cost)


def _rows(pairs: Any) -> Rows:
    cut: Callable[[str], str] = lambda text: short(text, LONGEST) or ""  # noqa: E731
    return [[cut(name), cut(value)] for name, value in pairs if value][:MOST_ROWS]
