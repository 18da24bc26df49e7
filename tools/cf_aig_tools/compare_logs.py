"""Compares two logged requests: “it worked yesterday”."""

from functools import partial
from typing import Annotated

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_gateway.one_line import one_line
from cf_aig_tools.amounts import counted
from cf_aig_tools.comparison.sides import Comparison as Found
from cf_aig_tools.comparison.sides import Side, compared, read_side
from cf_aig_tools.comparison.turns import common
from cf_aig_tools.comparison.values import Difference
from cf_aig_tools.desk import Call, answer, desk_of, fits
from cf_aig_tools.parameters import Budget, GatewayId, LogId
from cf_aig_tools.reading.budget import cut
from cf_aig_tools.reading.fence import fenced
from cf_aig_tools.reading.masking import Masker, visible
from cf_aig_tools.reading.threads import aside

ANNOTATIONS = ToolAnnotations(title="Compare two logs", read_only_hint=True, open_world_hint=True)

SIZES = ((40, 200), (40, 80), (40, 30), (24, 12), (12, 4), (4, 4))
"""Number of differences, and tokens for each side: the first pair that fits the budget is used."""

BEFORE = 40
"""Characters shown before the point where two long texts differ."""


class Comparison(BaseModel):
    """What differs, as [what, in log_id, in other_log_id], and the names of what is the same."""

    summary: str
    differs: list[list[str]]
    same: list[str]
    next: str


async def compare_logs(
    ctx: Call,
    log_id: LogId,
    other_log_id: Annotated[str, Field(description="The one to compare with", min_length=1)],
    gateway_id: GatewayId = "",
    budget: Budget = 2000,
) -> Annotated[CallToolResult, Comparison]:
    """All that differs between two calls: parameters, tools, schemas, prompt, turns, outcome, reply, tokens, cost."""
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    one, other = [await read_side(desk.gateway, gateway, held) for held in (log_id, other_log_id)]
    return await aside(one.size + other.size, partial(_compared, one, other, desk.masker, min(budget, desk.max_budget)))


def _compared(one: Side, other: Side, masker: Masker, most: int) -> CallToolResult:
    found = compared(one, other)
    differs = [_clean(difference, masker) for difference in found.differs[: SIZES[0][0]]]
    answers = (_answer(found, differs[:count], room) for count, room in SIZES)
    return next((result for result in answers if fits(result, most)), None) or _answer(found, differs[:2], 2)


def _clean(difference: Difference, masker: Masker) -> Difference:
    """Return a masked difference; if masking hides the difference, say so."""
    what, one, other = (visible(masker.mask(text)) for text in difference)
    if one == other:
        other = f"same except for masked text: {other}"
    return what, one, other


def _answer(found: Found, shown: list[Difference], room: int) -> CallToolResult:
    differs = [[cut(what, max(room, 30)), *_parted(first, second, room)] for what, first, second in shown]
    total = len(found.differs)
    summary = f"{counted(total, 'difference')}, log_id → other_log_id." if total else "No differences."
    if total > len(shown):
        summary = f"{counted(total, 'difference')}, first {len(shown)} shown, log_id → other_log_id."
    if found.left_out:
        summary += f" Not compared: {cut(', '.join(found.left_out), max(room, 30))}."
    following = "get_log_request_body or get_log_response_body with either id and a pointer"
    lines = [f"{what}: {first or '(none)'} → {second or '(none)'}" for what, first, second in differs]
    logged = fenced("\n".join(lines)) if lines else ""
    same, held = found.same, [list(map(one_line, row)) for row in differs]
    text = "\n".join(filter(None, [summary, logged, f"same: {', '.join(same)}" if same else "", f"next: {following}"]))
    return answer(text, Comparison(summary=summary, differs=held, same=same, next=following))


def _parted(first: str, second: str, room: int) -> tuple[str, str]:
    """Return both texts from shortly before the point where they differ, each cut to `room` tokens."""
    start = max(0, common(first, second) - BEFORE) if max(len(first), len(second)) > 2 * BEFORE else 0
    return _from(first, start, room), _from(second, start, room)


def _from(text: str, start: int, room: int) -> str:
    kept = cut(text[start:], room)
    rest = len(text) - start - len(kept)
    return ("…" if start and kept else "") + kept + (f"… ({rest:,} more characters)" if rest else "")
