"""Everything one log says, and in one line what happened."""

import json
from typing import Annotated, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_gateway.models import Log
from cf_aig_tools import failures
from cf_aig_tools.desk import Call, answer, desk_of
from cf_aig_tools.log_rows import dollars, names_provider, seconds, when
from cf_aig_tools.parameters import GatewayId, LogId
from cf_aig_tools.tables import shown

ANNOTATIONS = ToolAnnotations(title="Log details", read_only_hint=True, open_world_hint=True)

MAX_FIELD = 400
"""Characters of a field; a longer one is cut, with the number left out."""

MAX_FIELDS = 40
"""Fields of a log; the API knows about 35."""

TOLD = {
    "id", "created_at", "provider", "model", "success", "status_code", "duration", "cost", "cached", "step",
    "tokens_in", "tokens_out", "request_size", "response_size", "metadata",
}  # fmt: skip
"""Fields that the summary already says."""

HEADS = {"request_head", "response_head", "request", "response", "request_head_complete", "response_head_complete"}


class Details(BaseModel):
    """A log's summary, and the rest of the fields that hold something."""

    summary: str
    log_id: str
    fields: dict[str, Any] | None = None
    request_head: str | None = None
    response_head: str | None = None
    next: str


async def get_log_details(
    ctx: Call,
    log_id: LogId,
    gateway_id: GatewayId = "",
    heads: Annotated[bool, Field(description="Show how both bodies begin")] = False,
) -> Annotated[CallToolResult, Details]:
    """One logged request: what happened, why it failed, timing, tokens, cost, metadata, body sizes."""
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    log = await desk.gateway.log(gateway, log_id)
    fields = _fields(log)
    request_head, response_head = (_head(log, part) if heads else None for part in ("request", "response"))
    following = "get_log_request_body, get_log_response_body"
    if log.feedback is None:
        following += ", or patch_log_feedback"
    structured = Details(
        summary=_summary(log),
        log_id=log.id,
        fields=fields or None,
        request_head=request_head,
        response_head=response_head,
        next=following,
    )
    lines = [structured.summary, f"log {log.id}", *(f"{name}: {shown(value)}" for name, value in fields.items())]
    lines += [
        f"{part} begins: {head}" for part, head in (("request", request_head), ("response", response_head)) if head
    ]
    return answer("\n".join([*lines, f"next: {following}"]), structured)


def _summary(log: Log) -> str:
    lines = [_outcome(log), f"{_moment(log)}, {', '.join(_figures(log))}", _sizes(log)]
    if log.metadata:
        lines.append("metadata: " + " ".join(f"{key}={_short(value)}" for key, value in log.metadata.items()))
    return "\n".join(filter(None, lines))


def _outcome(log: Log) -> str:
    subject = log.model or "unknown model"
    if not names_provider(log) and log.provider:
        subject = f"{log.provider} {subject}"
    if log.success:
        return f"Succeeded: {subject} answered {log.status_code or 200}."
    status = f"answered {log.status_code}" if log.status_code else "failed"
    failure = failures.explain(log.status_code, _extra(log, "response_head"), log.provider)
    if failure is None:
        return f"Failed: {failures.from_status(log.status_code) or 'no known cause'}. {subject} {status}."
    return f"Failed: {failure.kind}. {subject} {status}:\n  {json.dumps(failure.words[:MAX_FIELD], ensure_ascii=False)}"


def _moment(log: Log) -> str:
    moment = when(log)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "at an unknown time"


def _figures(log: Log) -> list[str]:
    return [
        "unknown duration" if log.duration is None else f"{seconds(log.duration):g} s",
        f"step {log.step or 0}",
        "cached" if log.cached else "not cached",
        f"{shown(log.tokens_in) or '?'} + {shown(log.tokens_out) or '?'} tokens",
        "cost unknown" if log.cost is None else dollars(log.cost) if log.cost else "no cost",
    ]


def _sizes(log: Log) -> str:
    sizes = [(part, _extra(log, f"{part}_size")) for part in ("request", "response")]
    return ", ".join(f"{part}: {size:,} bytes" for part, size in sizes if isinstance(size, int))


def _fields(log: Log) -> dict[str, Any]:
    held = {name: value for name, value in log.model_dump().items() if name not in TOLD | HEADS}
    full = {name: _short(value) for name, value in held.items() if value not in (None, "", [], {}, False)}
    return dict(list(full.items())[:MAX_FIELDS])


def _head(log: Log, part: str) -> str | None:
    head = _extra(log, f"{part}_head")
    return _short(head) if isinstance(head, str) and head else None


def _extra(log: Log, name: str) -> Any:
    return (log.model_extra or {}).get(name)


def _short(value: Any) -> Any:
    """Return a value that is short enough as it is, or its beginning as text."""
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= MAX_FIELD else f"{text[:MAX_FIELD]}… ({len(text) - MAX_FIELD:,} more characters)"
