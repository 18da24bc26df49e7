"""Shows everything in one log, with a one-line summary of what happened."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_gateway import pricing
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats import Conversation
from cf_aig_gateway.formats.endings import shortfall
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import MOST, named, quoted
from cf_aig_gateway.routing import asked_name, limits_of, models_of
from cf_aig_gateway.shapes import as_object, as_text
from cf_aig_tools import failures
from cf_aig_tools.amounts import dollars, seconds
from cf_aig_tools.desk import Call, Desk, answer, desk_of, fits
from cf_aig_tools.log_rows import names_provider, plain, when
from cf_aig_tools.missing_cost import why_no_cost
from cf_aig_tools.parameters import Budget, GatewayId, LogId
from cf_aig_tools.reading import Reading, View, read_body, reply_in
from cf_aig_tools.reading.budget import cut, tokens
from cf_aig_tools.reading.forms import chunked
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.refused import credit, would_pass
from cf_aig_tools.runs.cache import told_cache
from cf_aig_tools.steps import steps_with, told_evaluation, told_steps
from cf_aig_tools.tables import shown

ANNOTATIONS = ToolAnnotations(title="Log details", read_only_hint=True, open_world_hint=True)

ROOMS = (300, 150, 75, 30, 10)
"""Token limits for each part of a log: the first with which the result fits the budget is used."""

HEAD = 60
"""Extra tokens for the beginning of a body, which is fenced and states its full size."""

TOLD = {
    "id", "created_at", "provider", "model", "success", "status_code", "duration", "cost", "cached", "step",
    "tokens_in", "tokens_out", "request_size", "response_size", "metadata",
}  # fmt: skip
"""Fields already covered by the summary."""

HEADS = {"request_head", "response_head", "request", "response", "request_head_complete", "response_head_complete"}


class Details(BaseModel):
    """A log's summary, and its other non-empty fields."""

    summary: str
    fields: dict[str, Any] | None = None
    request_head: str | None = None
    response_head: str | None = None
    next: str


async def get_log_details(
    ctx: Call,
    log_id: LogId,
    gateway_id: GatewayId = "",
    heads: Annotated[bool, Field(description="Show how both bodies begin")] = False,
    budget: Budget = 2000,
) -> Annotated[CallToolResult, Details]:
    """One logged request: what happened, why it failed, timing, tokens, cost, metadata, body sizes."""
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    told = await found_out(desk, gateway, log_id)
    most = min(budget, desk.max_budget)
    for with_heads, room in product((True, False) if heads else (False,), ROOMS):
        begun = await _heads(told.stored, HEAD + room, desk.masker) if with_heads else {}
        result = _answer(told, room, begun)
        if fits(result, most):
            return result
    return _answer(told, 0, {})


@dataclass(frozen=True)
class Told:
    """What is reported about a log: the stored and the safe form, what is wrong with its reply, its call, the rest."""

    stored: Log
    log: Log
    but: str
    steps: Sequence[Log]
    around: str


async def found_out(desk: Desk, gateway: str, log_id: str) -> Told:
    """Read a log, and what its reply and its gateway say about it.

    Raises:
        NotFound: there is no such log.
        GatewayError: the gateway does not answer.

    """
    stored = await desk.gateway.log(gateway, log_id)
    reply = await _reply(desk, gateway, stored) if stored.success else None
    stored, source = _metered(stored, reply)
    cache = await told_cache(desk.gateway, gateway, stored, reply)
    but = desk.masker.mask(_but(reply)) if reply else ""
    told = [await _routed(desk, gateway, stored), await would_pass(desk.gateway, gateway, stored), source, cache]
    told += [await credit(desk.gateway, stored), await why_no_cost(desk.gateway, stored, reply)]
    told.append(await told_evaluation(desk.gateway, gateway, stored))
    around = desk.masker.mask("\n".join(filter(None, told)))
    steps = [_safe(step, desk.masker) for step in await steps_with(desk.gateway, gateway, stored)]
    return Told(stored, _safe(stored, desk.masker), but, steps, around)


def _safe(log: Log, masker: Masker) -> Log:
    return log.model_copy(update=masker.masked(log.model_dump()))


async def _routed(desk: Desk, gateway_id: str, log: Log) -> str:
    """If the request used a name for several models, return it, the model that answered and the route's models."""
    name = asked_name(as_text(_extra(log, "request_head")))
    if not name:
        return ""
    step = f", as step {log.step}" if log.step else ""
    line = f"Requested {named(name)}: {log.model or 'an unknown model'} answered{step}."
    if not name.startswith("dynamic/"):
        return line
    try:
        routes = await desk.gateway.routes(gateway_id)
    except GatewayError:
        return line
    models, limits = models_of(routes, name), limits_of(routes, name)
    bounds = f"; first {', '.join(limits[:4])}" if limits else ""
    return f"{line} Route models, in order: {', '.join(models[:8])}{bounds}." if models else line


async def _reply(desk: Desk, gateway_id: str, log: Log) -> Conversation | None:
    """Return the reply, from the log itself if it contains all of it; None if it is not stored."""
    head = as_text(_extra(log, "response_head"))
    if head and _extra(log, "response_head_complete"):
        return await reply_in(chunked(head.encode("utf-8", "surrogatepass")))
    try:
        async with desk.gateway.response_body(gateway_id, log.id) as body:
            return await reply_in(body.chunks)
    except GatewayError:
        return None


def _metered(log: Log, reply: Conversation | None) -> tuple[Log, str]:
    """Return a log with tokens and price from its stored reply if it has none itself, and a note saying so."""
    usage = reply.usage if reply else Usage()
    if log.tokens_in or log.tokens_out or log.cached or not (usage.tokens_in or usage.tokens_out):
        return log, ""
    name = (log.model or "").removeprefix(f"{log.provider}/")
    price = log.cost or pricing.cost(log.provider or "", name, usage)
    found = {"tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out, "cost": price or usage.stated_cost}
    told = "The log has no token counts; these are from the stored reply"
    if price and not log.cost:
        told += "; the cost is the model's list price"
    elif usage.stated_cost is not None and not log.cost:
        told += "; so is the cost"
    return log.model_copy(update=found), f"{told}."


async def _heads(log: Log, room: int, masker: Masker) -> dict[str, str]:
    """Return the beginnings of the bodies as the body tools show them; incomplete ones are shown as stored."""
    heads: dict[str, str] = {}
    for part in ("request", "response"):
        if head := as_text(_extra(log, f"{part}_head")):
            view: View = "" if _extra(log, f"{part}_head_complete") else "raw"
            heads[part] = await read_body(
                chunked(head.encode("utf-8", "surrogatepass")), Reading(view, budget=room), masker=masker
            )
    return heads


def _answer(told: Told, room: int, heads: dict[str, str]) -> CallToolResult:
    fields = fields_of(told.log, room)
    structured = Details(
        summary=summary_of(told, room),
        fields=fields or None,
        request_head=heads.get("request"),
        response_head=heads.get("response"),
        next="get_log_request_body or get_log_response_body",
    )
    lines = [structured.summary, *(f"{named(name)}: {shown(value)}" for name, value in fields.items())]
    lines += [f"{part} body: {head}" for part, head in heads.items()]
    return answer("\n".join([*lines, f"next: {structured.next}"]), structured)


def summary_of(told: Told, room: int) -> str:
    """Return the lines that say what happened, each at most about `room` tokens."""
    log = told.log
    lines = [outcome_of(told, room), f"{_moment(log)}, {', '.join(_figures(log))}"]
    lines += [told_steps(told.steps), told.around, ", ".join(map(" ".join, sizes_of(log)))]
    if log.metadata:
        pairs = " ".join(f"{named(key)}={named(shown(plain(value)), MOST)}" for key, value in log.metadata.items())
        lines.append(_short(f"metadata: {pairs}", room))
    return "\n".join(filter(None, lines))


def outcome_of(told: Told, room: int) -> str:
    """Return how a call ended, with the words of an error on a second line, at most about `room` tokens."""
    log = told.log
    subject = log.model or "unknown model"
    if not names_provider(log) and log.provider:
        subject = f"{log.provider} {subject}"
    subject = _short(subject, room)
    if log.success:
        return f"Succeeded{told.but}: {subject} returned {log.status_code or 200}."
    status = f"returned {log.status_code}" if log.status_code else "failed"
    failure = failures.of_log(log)
    if failure is None:
        return f"Failed: {failures.from_status(log.status_code) or 'unknown cause'}. {subject} {status}."
    if log.status_code == failures.CALLER_LEFT:
        status = "was still running"
    line = f"Failed: {failure.kind}. {subject} {status}{':' if failure.words else '.'}"
    words = quoted(_short(failure.words, room), MOST) if failure.words else ""
    return "\n  ".join(filter(None, [f"{line} {failure.meaning}".strip(), words]))


def _but(reply: Conversation) -> str:
    """Return what is wrong with the reply of a successful call."""
    if reply.broken:
        return f", but the reply {reply.broken[0].lower()}{reply.broken[1:].rstrip('.')}"
    wrong = shortfall(reply) or (reply.error and f"is an error, {quoted(reply.error)}")
    return f", but the reply {wrong}" if wrong else ""


def _moment(log: Log) -> str:
    moment = when(log)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "unknown time"


def _figures(log: Log) -> list[str]:
    facts = [
        "unknown duration" if log.duration is None else f"{seconds(log.duration):g} s",
        f"step {log.step}" if log.step else "",
        "from the gateway cache" if log.cached else "not from the gateway cache",
        f"{shown(log.tokens_in) or '?'} + {shown(log.tokens_out) or '?'} tokens",
        "cost unknown" if log.cost is None else dollars(log.cost) if log.cost else "no cost",
    ]
    return [fact for fact in facts if fact]


def sizes_of(log: Log) -> list[tuple[str, str]]:
    """Return the sizes of the stored bodies."""
    sizes = [(part, _extra(log, f"{part}_size")) for part in ("request", "response")]
    return [(part, f"{size:,} bytes") for part, size in sizes if isinstance(size, int)]


def fields_of(log: Log, room: int) -> dict[str, Any]:
    """Return the other non-empty fields that fit in twice `room` tokens."""
    held = {name: _held(value) for name, value in log.model_dump().items() if name not in TOLD | HEADS}
    held = {name: value for name, value in held.items() if value not in USUAL}
    held["path"] = ACCOUNT.sub("…/", log.path or "")
    held["usage_metadata"] = _untold(as_object(held.get("usage_metadata")), log)
    fields: dict[str, Any] = {}
    left = 2 * room
    for name, value in held.items():
        if value not in EMPTY:
            fields[name] = value if isinstance(value, int | float) else _short(str(plain(value)), room)
            left -= tokens(f"{name}: {fields[name]}\n")
            if left < 0:
                del fields[name]
                return fields | {"left out": f"fields from {name} on; raise budget to see them"}
    return fields


ACCOUNT = re.compile(r"^.*/[0-9a-f]{32}/")
"""The beginning of every path of an account."""

USUAL = ("application/json", "provider")
"""Values that carry no information."""

EMPTY: tuple[Any, ...] = (None, "", [], {}, False)


def _held(value: Any) -> Any:
    """Return a value without empty members."""
    if isinstance(value, dict):
        return {key: inner for key, inner in as_object(value).items() if inner not in EMPTY}
    return value


def _untold(usage: dict[str, Any], log: Log) -> dict[str, Any]:
    """Return the token counts that the summary does not already include."""
    told = {log.tokens_in, log.tokens_out, (log.tokens_in or 0) + (log.tokens_out or 0)}
    totals = {"input_tokens", "output_tokens", "total_tokens"}
    return {name: count for name, count in usage.items() if name not in totals or count not in told}


def _extra(log: Log, name: str) -> Any:
    return (log.model_extra or {}).get(name)


def _short(text: str, room: int) -> str:
    kept = cut(text, room)
    return text if kept == text else f"{kept}… ({len(text) - len(kept):,} more characters)"
