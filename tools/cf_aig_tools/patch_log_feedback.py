"""Records feedback on a logged request."""

from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.one_line import named
from cf_aig_tools.desk import Call, answer, desk_of
from cf_aig_tools.parameters import GatewayId, LogId, Metadata
from cf_aig_tools.tables import shown

ANNOTATIONS = ToolAnnotations(
    title="Record feedback", read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)


class Recorded(BaseModel):
    """What was recorded, and on which log."""

    log_id: str
    gateway_id: str
    recorded: dict[str, Any]


async def patch_log_feedback(
    ctx: Call,
    log_id: LogId,
    gateway_id: GatewayId = "",
    feedback: Annotated[Literal[-1, 0, 1] | None, Field(description="1 good, -1 bad, 0 neutral")] = None,
    score: Annotated[float | None, Field(ge=0, le=100)] = None,
    metadata: Metadata = {},  # noqa: B006 (only read)
) -> Annotated[CallToolResult, Recorded]:
    """Records feedback, a score (0-100) or metadata on a log, replacing what it had. Give at least one."""
    desk = desk_of(ctx)
    given: dict[str, Any] = {"feedback": feedback, "score": score, "metadata": metadata or None}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise GatewayError("Nothing to record: give feedback (-1, 0, 1), score (0-100) or metadata.")
    gateway = gateway_id or desk.default_gateway
    await desk.gateway.patch_log(gateway, log_id, changes)
    said = ", ".join(f"{name} {shown(value)}" for name, value in changes.items() if name != "metadata")
    pairs = " ".join(f"{named(key)}={named(str(value))}" for key, value in metadata.items())
    what = ", ".join(filter(None, [said, pairs and f"metadata {pairs}"]))
    return answer(
        f"Recorded on log {named(log_id)} of gateway {named(gateway)}: {what}.",
        Recorded(log_id=log_id, gateway_id=gateway, recorded=changes),
    )
