"""Finds parts of calls that cost more than they are worth: reasoning, tools, history, and expensive models."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

from cf_aig_tools.waste.calls import Call, rates
from cf_aig_tools.waste.findings import HISTORY, MODELS, REASONING, TOOLS, Findings, Kind, Waste
from cf_aig_tools.waste.reading import Reading

EATEN = 0.9
"""Share of output tokens at which reasoning counts as excessive; half to four fifths is common."""

LEAST_OUT = 200
"""Minimum output tokens."""

CRUMBS = 0.01
"""Share of output tokens below which the reply is negligible, and the whole call was wasted."""

LEAST_TOOLS, LEAST_HISTORY = 2000, 4000
"""Minimum uncached tokens for tools or history to matter; less is ordinary."""

OUTWEIGHS = 10
"""Tools or history must be this many times the question, and half of the request, to count."""

IS_CACHED = 0.5
"""Cached share of input tokens, for calls with the same tools or session, at which caching works well enough."""

LEAST_VOTES = 10
"""Minimum feedback on each of two models to compare them; with less, chance decides."""

GOOD = 0.7
"""Minimum share of good feedback on the cheap model: two bad models are not a match."""

AS_WELL = 0.02
"""How much lower its share of good feedback may be."""

CHEAP = 0.5
"""Maximum cost of the cheap model, relative to the expensive one, for a switch to pay off."""

AT_LIST_PRICE = 0.02
"""How far a model's cost may deviate from the public price before it counts as a different price."""


def reasoning(found: Findings, reading: Reading) -> Iterator[Waste]:
    """Yield calls whose reasoning left little of the reply: its cost, or the whole call if nothing was left."""
    for call in found.free(reading.calls):
        if call.counts and call.tokens_out >= LEAST_OUT and call.reasoning >= EATEN * call.tokens_out:
            if call.tokens_out - call.reasoning <= CRUMBS * call.tokens_out:
                yield Waste(REASONING, call, call.tokens, call.cost, "no room left for the reply")
            else:
                dollars = call.share(0, call.reasoning)
                yield Waste(REASONING, call, call.reasoning, dollars, "a tenth or less left for the reply")


def heavy(found: Findings, reading: Reading) -> Iterator[Waste]:
    """Yield calls in which tools or history outweigh the question, and no prompt cache helps."""
    calls = [call for call in reading.calls if call.counts and call.print]
    tools = _cached_shares((call, _tools(call)) for call in calls)
    sessions = _cached_shares((call, _session(call)) for call in calls)
    for call in found.free(calls):
        if not call.print:
            continue
        print_ = call.print
        size = print_.system + print_.tools + print_.history + print_.question
        parts: list[tuple[int, Kind, int, float]] = [
            (print_.tools, TOOLS, LEAST_TOOLS, tools.get(_tools(call), 0)),
            (print_.history, HISTORY, LEAST_HISTORY, sessions.get(_session(call), 0)),
        ]
        part, kind, least, cached = max(parts, key=lambda each: each[0])
        tokens = (call.tokens_in - call.read) * part / (size or 1)
        outweighs = part >= OUTWEIGHS * print_.question and 2 * part >= size
        if outweighs and tokens >= least and cached < IS_CACHED:
            yield Waste(kind, call, round(tokens), call.share(tokens))


def _tools(call: Call) -> tuple[str, ...]:
    return call.model, call.agent, call.print.toolset if call.print else ""


def _session(call: Call) -> tuple[str, ...]:
    return call.model, call.session or call.user or call.id


def _cached_shares(calls: Iterable[tuple[Call, tuple[str, ...]]]) -> dict[tuple[str, ...], float]:
    """Return the cached share of tokens for each group of calls."""
    sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for call, group in calls:
        sums[group][0] += call.read
        sums[group][1] += call.tokens_in
    return {group: read / (sent or 1) for group, (read, sent) in sums.items()}


@dataclass(frozen=True)
class Work:
    """The calls of one model for one purpose."""

    model: str
    calls: Sequence[Call]

    @cached_property
    def votes(self) -> list[bool]:
        """Feedback: whether it was good."""
        return [call.feedback > 0 for call in self.calls if call.feedback]

    @property
    def good(self) -> float:
        """The share of good feedback."""
        return sum(self.votes) / (len(self.votes) or 1)

    @cached_property
    def spent(self) -> float:
        """The cost of the calls (US dollars)."""
        return sum(call.cost for call in self.calls)

    @cached_property
    def is_at_list_price(self) -> bool:
        """Whether the cost matches the model's public price."""
        listed = sum(map(self._listed, self.calls))
        return bool(self.spent) and abs(listed - self.spent) <= AT_LIST_PRICE * self.spent

    @cached_property
    def per_token(self) -> float:
        """The cost per token (US dollars)."""
        return self.spent / (sum(call.tokens for call in self.calls) or 1)

    def price(self, calls: Iterable[Call]) -> list[float]:
        """Return what calls would have cost with this model: at its public price, if it is charged at that price."""
        return [self._listed(call) if self.is_at_list_price else self.per_token * call.tokens for call in calls]

    def _listed(self, call: Call) -> float:
        known = rates(self.calls[0].provider, self.model, call.tokens_in)
        return known.price(call.tokens_in, call.tokens_out, call.read) if known else 0


def models(found: Findings, reading: Reading) -> Iterator[Waste]:
    """Yield calls of expensive models for purposes where a cheap one does as well, judging by the feedback on both."""
    purposes: dict[str, list[Call]] = defaultdict(list)
    for call in reading.calls:
        rules = call.print.rules if call.print else ""
        if call.counts and (call.feature or rules):
            purposes[call.feature or rules].append(call)
    for calls in purposes.values():
        held = [work for work in _works(calls) if len(work.votes) >= LEAST_VOTES]
        pairs = [(good, cheap) for good, cheap in permutations(held, 2) if _is_as_good(cheap, good)]
        for work in held:
            if better := [cheap for good, cheap in pairs if good is work]:
                yield from _instead(found, work, min(better, key=lambda cheap: sum(cheap.price(work.calls))))


def _works(calls: Sequence[Call]) -> list[Work]:
    held: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        held[call.model].append(call)
    return [Work(model, calls) for model, calls in held.items()]


def _is_as_good(cheap: Work, work: Work) -> bool:
    if cheap.good < max(GOOD, work.good - AS_WELL):
        return False
    return sum(cheap.price(work.calls)) <= CHEAP * work.spent


def _instead(found: Findings, work: Work, cheap: Work) -> Iterator[Waste]:
    purpose = f" for {work.calls[0].feature}" if work.calls[0].feature else ""
    sides = [f"{each.model} {100 * each.good:.0f} % of {len(each.votes)}" for each in (work, cheap)]
    cause = f"good{purpose}: {sides[0]}, {sides[1]}"
    calls = found.free(work.calls)
    for call, price in zip(calls, cheap.price(calls), strict=True):
        yield Waste(MODELS, call, call.tokens, max(0, call.cost - price), cause)
