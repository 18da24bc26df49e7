"""The steps of one call: those that failed, and the later one that answered."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.models import Log
from cf_aig_tools import failures
from cf_aig_tools.evaluations import is_evaluation
from cf_aig_tools.summary.pages import Row

MOST = 20
"""Maximum logs requested for one event."""


def calls(logs: Sequence[Log]) -> list[list[Log]]:
    """Return the logs that are steps of one call, in order.

    Steps share an event id. A caller may reuse an id for several calls, so a step number that does not increase starts
    a new call.
    """
    events: dict[str, list[Log]] = defaultdict(list)
    for log in sorted(logs, key=lambda log: (log.created_at or "", log.step or 0)):
        if log.event_id and not is_evaluation(log):
            events[log.event_id].append(log)
    found: list[list[Log]] = []
    for steps in events.values():
        last = -1
        for log in steps:
            if (log.step or 0) <= last or not found or found[-1][-1].event_id != log.event_id:
                found.append([])
            found[-1].append(log)
            last = log.step or 0
    return found


def answers(logs: Sequence[Log]) -> dict[str, Log]:
    """Return, for each failed step's id, the later step that answered, if it is among the logs."""
    return {
        log.id: steps[-1]
        for steps in calls(logs)
        for log in steps
        if steps[-1].success and log.success is False and log is not steps[-1]
    }


@dataclass(frozen=True)
class Answered:
    """How many failed steps were answered by a later step of their call, and by which models."""

    count: float
    models: Sequence[str]


def answered(rows: Sequence[Row]) -> Answered:
    """Return what later steps answered.

    If a step succeeded, all earlier steps failed, whether or not they were read.
    """
    models: Counter[str] = Counter()
    count = 0.0
    for row in rows:
        if row.log.success and row.log.step:
            count += row.weight * row.log.step
            models[row.log.model or ""] += 1
    return Answered(count, [model for model, _ in models.most_common(2) if model])


async def steps_with(gateway: AIGateway, gateway_id: str, log: Log) -> Sequence[Log]:
    """Return all steps of a log's call; empty if it is the only one, or if they cannot be read."""
    if not log.event_id or (log.success and not log.step) or is_evaluation(log):
        return ()
    for steps in calls(await _of_event(gateway, gateway_id, log)):
        if len(steps) > 1 and any(step.id == log.id for step in steps):
            return steps
    return ()


def told_steps(steps: Sequence[Log]) -> str:
    """Return the steps of a call in one line; empty if there are none."""
    return f"Steps of this call: {'; '.join(map(_told, steps))}." if steps else ""


async def told_evaluation(gateway: AIGateway, gateway_id: str, log: Log) -> str:
    """Return a sentence saying which call a guardrails log evaluated; empty for a user call."""
    if not is_evaluation(log):
        return ""
    others = [other for other in await _of_event(gateway, gateway_id, log) if not is_evaluation(other)]
    evaluated = f" They evaluated log {others[-1].id}." if others else ""
    return f"Made by guardrails, not a user, judging by its model and event id.{evaluated}"


async def _of_event(gateway: AIGateway, gateway_id: str, log: Log) -> list[Log]:
    """Return the logs of the same event, newest first; empty if they cannot be read."""
    same_event = Filter(key="event_id", value=[log.event_id])
    try:
        return (await gateway.logs(gateway_id, per_page=MOST, filters=[same_event])).items
    except GatewayError:
        return []


def _told(log: Log) -> str:
    what = "" if log.success else failures.from_status(log.status_code)
    return " ".join(filter(None, [str(log.step or 0), log.model or "", str(log.status_code or ""), what, log.id]))
