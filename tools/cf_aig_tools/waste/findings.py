"""The waste found: each wasteful call once, under the first kind that applies."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cf_aig_tools.waste.calls import Call


@dataclass(frozen=True)
class Kind:
    """A kind of waste, and the change that would avoid it."""

    name: str
    change: str


EVALUATIONS = Kind(
    "guardrails evaluation calls", "evaluate only prompts or only replies, or only on gateways that need guardrails"
)
FAILED = Kind("retries of failed calls", "stop or space out retries depending on the status; fix what always fails")
CUT = Kind("truncated replies requested again", "raise the first call's reply limit (max_tokens)")
TWICE = Kind("retries of successful calls", "raise the client's timeout and turn off its retries of slow calls")
REPEATED = Kind(
    "identical requests, not cached by the gateway",
    "turn on the gateway's cache for them (cf-aig-cache-ttl)",
)
NEARLY = Kind(
    "requests that differ only in a time or id",
    "remove the time or id from the request, or set cf-aig-cache-key; then cache them",
)
REASONING = Kind("reasoning that crowds out the reply", "lower the reasoning effort or thinking budget")
PROMPT_CACHE = Kind("prompt cache misses", "keep tools, system prompt and history identical and in the same order")
TOOLS = Kind("tool definitions that outweigh the question", "send only the tools that such calls need, or cache them")
HISTORY = Kind("history that outweighs the question", "compact the history, or cache it (prompt cache)")
MODELS = Kind("expensive models where a cheaper one did as well", "use the cheaper model")

KINDS = (EVALUATIONS, FAILED, CUT, TWICE, REPEATED, NEARLY, REASONING, PROMPT_CACHE, TOOLS, HISTORY, MODELS)
"""In order of precedence: a call's dollars count for the first kind that applies."""


@dataclass(frozen=True)
class Waste:
    """A wasteful call or part of one: tokens, US dollars, and why or where."""

    kind: Kind
    call: Call
    tokens: int
    dollars: float
    cause: str = ""


@dataclass(frozen=True)
class Sum:
    """The total waste of one kind or cause; seconds count only calls that were entirely wasted."""

    waste: Sequence[Waste]

    @property
    def dollars(self) -> float:
        """US dollars at stake."""
        return sum(each.dollars for each in self.waste)

    @property
    def tokens(self) -> int:
        """Tokens at stake."""
        return sum(each.tokens for each in self.waste)

    @property
    def seconds(self) -> float:
        """Total duration of the calls."""
        return sum(each.call.end - each.call.start for each in self.waste)

    @property
    def example(self) -> Waste:
        """The most expensive or longest call."""
        return max(self.waste, key=lambda each: (each.dollars, each.call.end - each.call.start))

    def causes(self) -> list[tuple[str, "Sum"]]:
        """Return the causes, most expensive first."""
        held: dict[str, list[Waste]] = defaultdict(list)
        for each in self.waste:
            held[each.cause].append(each)
        sums = [(cause, Sum(waste)) for cause, waste in held.items()]
        return sorted(sums, key=lambda each: (-each[1].dollars, -len(each[1].waste)))

    def askers(self, most: int) -> list[tuple[str, int]]:
        """Return the features, or else the users, responsible for at least a tenth of the calls."""
        features = Counter(each.call.feature for each in self.waste if each.call.feature)
        users = Counter(f"user {each.call.user}" for each in self.waste if each.call.user)
        least = max(2, len(self.waste) / 10)
        return [(name, count) for name, count in (features or users).most_common(most) if count >= least]


@dataclass
class Findings:
    """All waste found so far."""

    waste: list[Waste] = field(default_factory=list[Waste])
    taken: set[str] = field(default_factory=set[str])

    def add(self, found: Iterable[Waste]) -> None:
        """Add waste of calls that have no kind yet."""
        for each in found:
            if each.call.id not in self.taken:
                self.taken.add(each.call.id)
                self.waste.append(each)

    def free(self, calls: Iterable[Call]) -> list[Call]:
        """Return the calls that have no kind yet."""
        return [call for call in calls if call.id not in self.taken]

    def sums(self) -> list[tuple[Kind, Sum]]:
        """Return the kinds found, most expensive first."""
        held: dict[Kind, list[Waste]] = defaultdict(list)
        for each in self.waste:
            held[each.kind].append(each)
        return sorted(((kind, Sum(waste)) for kind, waste in held.items()), key=lambda each: -each[1].dollars)
