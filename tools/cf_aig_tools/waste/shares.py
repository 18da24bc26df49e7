"""Parts of calls that cost more than they give: reasoning, tool definitions, history, and models."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

from cf_aig_tools.waste.calls import Call, rates
from cf_aig_tools.waste.findings import HISTORY, MODELS, REASONING, TOOLS, Findings, Kind, Waste
from cf_aig_tools.waste.reading import Reading

EATEN = 0.9
"""Of the tokens out that are reasoning, from which on it eats the reply; it is half to four fifths of most."""

LEAST_OUT = 200
"""Tokens out from which on it matters."""

CRUMBS = 0.01
"""Of the tokens out that are a reply, up to which there is none to speak of, and the call was in vain."""

LEAST_TOOLS, LEAST_HISTORY = 2000, 4000
"""Tokens that a provider's cache did not have, from which on tools or history matter: shorter ones are ordinary."""

OUTWEIGHS = 10
"""Times the question that tools or history must be, and half of the request, to outweigh it."""

IS_CACHED = 0.5
"""Of the tokens in of calls with the same tools, or of one session, that the provider's cache had: it does its work."""

LEAST_VOTES = 10
"""Feedback on each of two models from which on they are compared: of fewer, chance decides."""

GOOD = 0.7
"""Of the feedback on a cheap model that must be good: two bad models do not do as well."""

AS_WELL = 0.02
"""By how much less of it may be good."""

CHEAP = 0.5
"""Of what the expensive model costs, what the cheap one may cost to be worth a change."""

AT_LIST_PRICE = 0.02
"""By how much what a model's calls cost may be off the public price, to take that for others."""


def reasoning(found: Findings, reading: Reading) -> Iterator[Waste]:
    """Yield calls whose reasoning left little of the reply: what it cost, or the whole call where it left nothing."""
    for call in found.free(reading.calls):
        if call.counts and call.tokens_out >= LEAST_OUT and call.reasoning >= EATEN * call.tokens_out:
            if call.tokens_out - call.reasoning <= CRUMBS * call.tokens_out:
                yield Waste(REASONING, call, call.tokens, call.cost, "no room left for the reply")
            else:
                dollars = call.share(0, call.reasoning)
                yield Waste(REASONING, call, call.reasoning, dollars, "a tenth or less left for the reply")


def heavy(found: Findings, reading: Reading) -> Iterator[Waste]:
    """Yield calls in which tools or history outweigh the question, and no prompt cache lightens them."""
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
    """Return, for each group of calls, what share of its tokens in the provider's cache had."""
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
        """What share of the feedback was good."""
        return sum(self.votes) / (len(self.votes) or 1)

    @cached_property
    def spent(self) -> float:
        """What the calls cost (US dollars)."""
        return sum(call.cost for call in self.calls)

    @cached_property
    def is_at_list_price(self) -> bool:
        """Whether they cost what the model's public price says."""
        listed = sum(map(self._listed, self.calls))
        return bool(self.spent) and abs(listed - self.spent) <= AT_LIST_PRICE * self.spent

    @cached_property
    def per_token(self) -> float:
        """What a token cost (US dollars)."""
        return self.spent / (sum(call.tokens for call in self.calls) or 1)

    def price(self, calls: Iterable[Call]) -> list[float]:
        """Return what calls would have cost with this model: at its public price, if that is its own."""
        return [self._listed(call) if self.is_at_list_price else self.per_token * call.tokens for call in calls]

    def _listed(self, call: Call) -> float:
        known = rates(self.calls[0].provider, self.model, call.tokens_in)
        return known.price(call.tokens_in, call.tokens_out, call.read) if known else 0


def models(found: Findings, reading: Reading) -> Iterator[Waste]:
    """Yield calls of expensive models for what a cheap one does as well, by the feedback on both."""
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
