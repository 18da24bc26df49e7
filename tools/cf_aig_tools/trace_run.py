"""Shows the calls of one agent run as a story."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.desk import Call, Desk, desk_of, said
from cf_aig_tools.parameters import Budget, GatewayId, Metadata
from cf_aig_tools.reading.quoting import Quoting
from cf_aig_tools.reading.threads import aside
from cf_aig_tools.runs.calls import size_of
from cf_aig_tools.runs.gathering import Gathering, Run
from cf_aig_tools.runs.telling import told

ANNOTATIONS = ToolAnnotations(title="Trace a run", read_only_hint=True, open_world_hint=True)

_STEPS = re.compile(r"\s*(\d{1,6})\s*(?:[-–]\s*(\d{1,6})\s*)?")


async def trace_run(
    ctx: Call,
    log_id: Annotated[str, Field(description="Any call in the run")] = "",
    metadata: Annotated[Metadata, Field(description="Or a pair its calls share")] = {},  # noqa: B006 (only read)
    gateway_id: GatewayId = "",
    steps: Annotated[str, Field(description="Only these, with ids: 12-20")] = "",
    budget: Budget = 2000,
) -> CallToolResult:
    """The agent run a call belongs to: what went wrong, then each step, what it did and what came back.

    Calls are joined by ids in logs and bodies, or by the history they share.
    """
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    only = _range(steps)
    run = await run_of(desk, gateway, log_id, metadata)
    tell = partial(told, run, gateway, Quoting(desk.masker), min(budget, desk.max_budget), only)
    return said(await aside(size_of(run.calls), tell))


async def run_of(desk: Desk, gateway: str, log_id: str, metadata: Mapping[str, Any]) -> Run:
    """Return the run of a call, or the one whose calls share a pair of metadata.

    Raises:
        GatewayError: not exactly one of the two is given, or there is no such call.

    """
    if bool(log_id) == bool(metadata):
        raise GatewayError('Give log_id, or metadata that the run\'s calls share, such as {"sessionId": "8f02"}.')
    gathering = Gathering(desk.gateway, gateway)
    return await (gathering.of_log(log_id) if log_id else gathering.of_metadata(metadata, desk.masker))


def _range(text: str) -> range | None:
    if not text:
        return None
    found = _STEPS.fullmatch(text)
    if not found:
        raise GatewayError(f"steps must be a number or a range, such as 12-20 (got {text[:80]!r}).")
    first = int(found[1])
    return range(first, int(found[2] or first) + 1)
