"""What differs between two logged requests: “it worked yesterday”."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_gateway.answers import Body
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import NotFound
from cf_aig_gateway.formats import Conversation
from cf_aig_gateway.models import Log
from cf_aig_tools import failures
from cf_aig_tools.desk import Call, answer, cost, desk_of
from cf_aig_tools.log_rows import dollars, seconds
from cf_aig_tools.parameters import Budget, GatewayId, LogId
from cf_aig_tools.reading import conversation
from cf_aig_tools.reading.budget import cut
from cf_aig_tools.reading.fence import fenced
from cf_aig_tools.reading.masking import visible
from cf_aig_tools.tables import shown

ANNOTATIONS = ToolAnnotations(title="Compare two logs", read_only_hint=True, open_world_hint=True)

ROOMS = (200, 80, 30, 12)
"""Tokens of each side of a difference: the first with which all of them fit the budget is taken."""

TURNS = 3
"""Turns after the common beginning that are shown of each conversation."""

BEFORE = 40
"""Characters shown before the place where two long texts part."""


class Comparison(BaseModel):
    """What differs, as [what, in log_id, in other_log_id], and the names of what is the same."""

    summary: str
    differs: list[list[str]]
    same: list[str]
    next: str


@dataclass(frozen=True)
class Side:
    """One log with what its bodies say; None for a body that is not stored."""

    log: Log
    request: Conversation | None
    response: Conversation | None


Difference = tuple[str, str, str]


async def compare_logs(
    ctx: Call,
    log_id: LogId,
    other_log_id: Annotated[str, Field(description="The one to compare with", min_length=1)],
    gateway_id: GatewayId = "",
    budget: Budget = 2000,
) -> Annotated[CallToolResult, Comparison]:
    """What differs between two requests and their replies: parameters, prompt, turns, tools, outcome, usage, cost."""
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    one, other = [await _side(desk.gateway, gateway, held) for held in (log_id, other_log_id)]

    def clean(text: str) -> str:
        return visible(desk.masker.mask(text))

    pairs = [(what, clean(first), clean(second)) for what, first, second in _facts(one, other)]
    most = min(budget, desk.max_budget)
    answers = (_answer(one, other, pairs, room) for room in ROOMS)
    fitting = next((result for result in answers if cost(result) <= most), None)
    return fitting or _answer(one, other, pairs[:12], 4)


async def _side(gateway: AIGateway, gateway_id: str, log_id: str) -> Side:
    log = await gateway.log(gateway_id, log_id)
    request = await _read(gateway.request_body(gateway_id, log_id))
    return Side(log, request, await _read(gateway.response_body(gateway_id, log_id)))


async def _read(body: AbstractAsyncContextManager[Body]) -> Conversation | None:
    try:
        async with body as opened:
            return await conversation(opened.chunks)
    except NotFound:
        return None


def _answer(one: Side, other: Side, pairs: list[Difference], room: int) -> CallToolResult:
    differs = [[what, *_parted(first, second, room)] for what, first, second in pairs if first != second]
    same = [what for what, first, second in pairs if first == second and first]
    summary = f"{len(differs)} differences, of log_id → of other_log_id:" if differs else "No differences."
    if absent := [name for name in ("request", "response") if None in (getattr(one, name), getattr(other, name))]:
        summary += f" Not compared, as it is not stored: {' and '.join(absent)} body."
    following = "get_log_request_body or get_log_response_body with either id and the pointer of a turn"
    lines = [f"{what}: {first or '(none)'} → {second or '(none)'}" for what, first, second in differs]
    logged = fenced("\n".join(lines)) if lines else ""
    text = "\n".join(filter(None, [summary, logged, f"same: {', '.join(same)}" if same else "", f"next: {following}"]))
    return answer(text, Comparison(summary=summary, differs=differs, same=same, next=following))


def _parted(first: str, second: str, room: int) -> tuple[str, str]:
    """Return both texts from shortly before the place where they part, each cut to `room` tokens."""
    place = _common(first, second)
    start = max(0, place - BEFORE) if max(len(first), len(second)) > 2 * BEFORE else 0
    return _from(first, start, room), _from(second, start, room)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of what both begin with."""
    parts = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(parts, min(len(one), len(other)))


def _from(text: str, start: int, room: int) -> str:
    kept = cut(text[start:], room)
    rest = len(text) - start - len(kept)
    return ("…" if start and kept else "") + kept + (f"… ({rest:,} more characters)" if rest else "")


def _facts(one: Side, other: Side) -> Iterator[Difference]:
    """Yield every fact of the two, whether it differs or not."""
    yield from zip(FACTS, _figures(one), _figures(other), strict=True)
    if one.request and other.request:
        yield from _asked(one.request, other.request)
    if one.response and other.response:
        yield from _answered(one.response, other.response)


FACTS = ("outcome", "model", "provider", "duration", "cost", "tokens in", "tokens out", "cached", "step")


def _figures(side: Side) -> tuple[str, ...]:
    log = side.log
    what = "succeeded" if log.success else f"failed, {failures.from_status(log.status_code) or 'for an unknown cause'}"
    return (
        f"{log.status_code or ''} {what}".strip(),
        log.model or "",
        log.provider or "",
        "" if log.duration is None else f"{seconds(log.duration):g} s",
        "" if log.cost is None else dollars(log.cost),
        shown(log.tokens_in),
        shown(log.tokens_out),
        shown(log.cached),
        shown(log.step),
    )


def _asked(one: Conversation, other: Conversation) -> Iterator[Difference]:
    yield "form", one.kind, other.kind
    for name in dict.fromkeys([*one.parameters, *other.parameters]):
        yield f"parameter {name}", one.parameters.get(name, ""), other.parameters.get(name, "")
    yield "tools", ", ".join(one.tools), ", ".join(other.tools)
    yield from _turns(one, other)


def _turns(one: Conversation, other: Conversation) -> Iterator[Difference]:
    first, second = ([turn.written() for turn in held.turns] for held in (one, other))
    common = _common(first, second)
    yield "number of turns", str(len(first)), str(len(second))
    if common:
        yield f"the first {common} turns", "the same", "the same"
    for place in range(common, min(common + TURNS, max(len(first), len(second)))):
        pointer = next((held.turns[place].pointer for held in (one, other) if place < len(held.turns)), "")
        one_turn, other_turn = ("".join(turns[place : place + 1]) for turns in (first, second))
        yield f"turn {place} {pointer}".strip(), one_turn, other_turn


def _answered(one: Conversation, other: Conversation) -> Iterator[Difference]:
    yield "finish", one.finish, other.finish
    yield "error", one.error, other.error
    yield "stream", one.broken, other.broken
    first, second = ("\n".join(turn.written() for turn in held.turns) for held in (one, other))
    yield "reply", first, second
