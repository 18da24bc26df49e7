"""The two calls of a comparison, and every fact that may differ."""

from dataclasses import dataclass, field

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.formats.conversation import Conversation
from cf_aig_gateway.formats.endings import shortfall
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import as_logged, named
from cf_aig_tools import failures
from cf_aig_tools.amounts import dollars, seconds
from cf_aig_tools.bodies import Bodies, Stored
from cf_aig_tools.comparison.turns import Turns
from cf_aig_tools.comparison.values import Difference, differences, without
from cf_aig_tools.log_rows import usage_of
from cf_aig_tools.tables import shown

OF_ONE_REPLY = (
    "id", "created", "created_at", "completed_at", "createTime", "responseId", "request_id", "usage", "usageMetadata",
    "x_groq", "obfuscation", "metrics", "time_info",
)  # fmt: skip
"""Reply fields that always differ, and token counts, which are compared separately."""

FIGURES = (
    "outcome",
    "model",
    "provider",
    "duration",
    "first byte",
    "cost",
    "tokens in",
    "tokens out",
    "cached",
    "step",
)


@dataclass(frozen=True)
class Side:
    """One log and its bodies; None for a body that is not stored."""

    log: Log
    request: Stored | None
    response: Stored | None

    @property
    def size(self) -> int:
        """Total bytes of both bodies."""
        return sum(stored.size for stored in (self.request, self.response) if stored)

    def figures(self) -> tuple[str, ...]:
        """Return the values that FIGURES names."""
        log = self.log
        usage = self.response.held.usage if self.response else usage_of(log)
        if usage.tokens_in is None and usage.tokens_out is None:
            usage = usage_of(log)
        return (
            f"{log.status_code or ''} {self._outcome()}".strip(),
            as_logged(log.model or ""),  # hidden characters are made visible once, where it is shown
            as_logged(log.provider or ""),
            "" if log.duration is None else f"{seconds(log.duration):g} s",
            "" if log.latency is None else f"{seconds(log.latency):g} s",
            "" if log.cost is None else dollars(log.cost),
            usage.told_in(),
            usage.told_out(),
            shown(log.cached),
            shown(log.step),
        )

    def _outcome(self) -> str:
        if not self.log.success:
            return f"failed, {failures.from_status(self.log.status_code) or 'unknown cause'}"
        wrong = shortfall(self.response.held) if self.response else ""
        return f"succeeded, but the reply {wrong}" if wrong else "succeeded"


@dataclass
class Comparison:
    """What differs between two calls, what is the same, and what was not compared."""

    differs: list[Difference] = field(default_factory=list[Difference])
    same: list[str] = field(default_factory=list[str])
    left_out: list[str] = field(default_factory=list[str])

    def add(self, what: str, one: str, other: str) -> None:
        """Add one fact of both sides; ignore it if neither has it."""
        if one != other:
            self.differs.append((what, one, other))
        elif one:
            self.same.append(what)


async def read_side(gateway: AIGateway, gateway_id: str, log_id: str) -> Side:
    """Return a log with its bodies."""
    log = await gateway.log(gateway_id, log_id)
    bodies = Bodies(gateway, gateway_id)
    return Side(log, await bodies.read(log_id, "request"), await bodies.read(log_id, "response"))


def compared(one: Side, other: Side) -> Comparison:
    """Return all differences between two calls: outcome, request and reply."""
    found = Comparison()
    for what, first, second in zip(FIGURES, one.figures(), other.figures(), strict=True):
        found.add(what, first, second)
    for what, first, second in (
        ("request", one.request, other.request),
        ("reply", one.response, other.response),
    ):
        if first and second:
            _compare(found, what, first, second)
        else:
            found.left_out.append(f"{what} body (not stored)")
    return found


def _compare(found: Comparison, what: str, one: Stored, other: Stored) -> None:
    found.add(f"format of the {what}", one.held.kind, other.held.kind)
    found.add(f"stream of the {what}", one.held.broken, other.held.broken)
    turns = Turns(one.held.turns, other.held.turns, (one.value, other.value))
    if one.held.kind == other.held.kind:
        _compare_values(found, what, one, other)
    else:
        _compare_read(found, what, one.held, other.held)
    found.differs += ((f"{what}, {place}", first, second) for place, first, second in turns.differences())
    if same := turns.same():
        found.same.append(f"{same} of the {what}")


def _compare_values(found: Comparison, what: str, one: Stored, other: Stored) -> None:
    """Compare every value outside the turns."""
    skipped = [f"/{name}" for name in OF_ONE_REPLY] if one.held.is_reply else []
    places = [*skipped, *(turn.pointer for turn in (*one.held.turns, *other.held.turns) if turn.pointer)]
    held = list(differences(without(one.value, places), without(other.value, places)))
    found.differs += ((f"{what} {place}".strip(), first, second) for place, first, second in held)
    if not held:
        found.same.append(f"everything else in the {what}")
    if one.held.is_reply:
        found.left_out.append("reply ids and times")


def _compare_read(found: Comparison, what: str, one: Conversation, other: Conversation) -> None:
    """Compare what two formats have in common."""
    for name in dict.fromkeys([*one.parameters, *other.parameters]):
        found.add(f"{what} {named(name)}", one.parameters.get(name, ""), other.parameters.get(name, ""))
    found.add(f"tool names in the {what}", ", ".join(one.tools), ", ".join(other.tools))
    found.add("finish", one.finish, other.finish)
    found.add("error", one.error, other.error)
    schemas = ["tool schemas"] if one.tools or other.tools else []
    found.left_out += [*schemas, *map(named, dict.fromkeys([*one.others, *other.others]))]
