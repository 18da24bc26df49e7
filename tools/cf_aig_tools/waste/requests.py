"""Finds requests sent more than once: after a failure, a success, a truncated reply, or for no reason."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from cf_aig_tools.runs.calls import wording
from cf_aig_tools.waste.calls import Call, in_order, same_asker
from cf_aig_tools.waste.findings import CUT, FAILED, NEARLY, REPEATED, TWICE, Findings, Waste
from cf_aig_tools.waste.reading import Reading

AGAIN_S = 600.0
"""Seconds after a failure or truncated reply in which the same request counts as a retry."""

TWICE_S = 60.0
"""Seconds after an answer in which the same request counts as a retry that missed it, not as a new question."""

MOST_TRIES = 5
"""Maximum calls that count as retries of one request: clients give up after a few, so more are repetitions."""

GO_ON = 160
"""Maximum characters of a message that asks to continue a truncated reply."""

REPLIES = 3
"""Replies compared per request if its question contains several ids."""


def failed(found: Findings, reading: Reading) -> Iterator[Waste]:
    """Yield failed calls whose request was sent again."""
    tried = [call for call in found.free(reading.calls) if not call.is_hit and call.print and call.print.plain]
    for calls in _grouped(tried, lambda call: (call.model, call.print and call.print.plain)):
        for at, call in enumerate(calls):
            if not call.is_ok and any(follows(call, later, AGAIN_S) for later in calls[at + 1 :]):
                yield Waste(FAILED, call, call.tokens, call.cost)


def cut(found: Findings, reading: Reading) -> Iterator[Waste]:
    """Yield calls whose reply reached its token limit, and which were then repeated or asked to continue."""
    calls = [call for call in found.free(reading.calls) if call.counts and call.print]
    going_on = defaultdict[str, list[Call]](list)
    for call in calls:
        if call.print and call.print.carries and call.print.question <= GO_ON:
            going_on[call.print.carries].append(call)
    again = {
        one.id
        for group in _grouped(calls, lambda call: (call.model, call.print and call.print.plain))
        for one, other in pairwise(group)
        if follows(one, other, AGAIN_S)
    }
    for call in calls:
        if not call.print or not call.print.limit or call.tokens_out < call.print.limit:
            continue
        if call.id in again:
            yield Waste(CUT, call, call.tokens, call.cost, "requested again")
        for later in going_on[call.print.said]:
            if later.model == call.model and follows(call, later, AGAIN_S):
                yield Waste(CUT, later, later.tokens_in, later.share(later.tokens_in - later.read), "asked to continue")
                break


async def repeated(found: Findings, reading: Reading) -> list[Waste]:
    """Return calls that had already been answered: soon-after retries, and all others."""
    sent = [call for call in found.free(reading.calls) if call.is_ok and not call.is_evaluation and call.print]
    waste: list[Waste] = []
    for calls in _grouped(sent, lambda call: (call.model, call.print and (call.print.plain, call.print.limit))):
        paid = [call for call in calls if not call.is_hit]
        if 2 * len(paid) > len(calls):  # otherwise the gateway's cache is enabled for it
            waste += [each for group in await _same(paid, reading) for each in _again(group)]
    return waste


def _again(calls: Sequence[Call]) -> Iterator[Waste]:
    """Yield all but the first of calls with the same request."""
    seen: set[str] = set()
    for at, call in enumerate(calls):
        whole = call.print.whole if call.print else ""
        is_retry = at > 0 and len(calls) <= MOST_TRIES and follows(calls[at - 1], call, TWICE_S)
        kind = REPEATED if whole in seen else NEARLY
        if seen:
            yield Waste(TWICE if is_retry else kind, call, call.tokens, call.cost)
        seen.add(whole)


async def _same(calls: Sequence[Call], reading: Reading) -> list[list[Call]]:
    """Return calls grouped by request. An id in the question may matter, which the replies show."""
    by_question = list(_grouped(calls, lambda call: call.print and call.print.asked, least=1))
    if len(by_question) == 1 or len(calls) == 1:
        return [list(calls)]
    wanted = [(group[0].id, "response") for group in by_question[:REPLIES]]
    replies = await reading.read_bodies([(log_id, "response") for log_id, _ in wanted])
    texts = {wording("\n".join(turn.written() for turn in stored.held.turns)) for stored in replies.values()}
    return [list(calls)] if len(texts) == 1 and len(replies) > 1 else [g for g in by_question if len(g) > 1]


def follows(one: Call, other: Call, within_s: float) -> bool:
    """Whether a call may be a retry of another."""
    return one.start <= other.start <= one.end + within_s and same_asker(one, other)


def _grouped(calls: Iterable[Call], by: Callable[[Call], object], least: int = 2) -> Iterator[list[Call]]:
    """Yield groups of similar calls, in order of time, that have several members."""
    groups: dict[object, list[Call]] = defaultdict(list)
    for call in calls:
        groups[by(call)].append(call)
    yield from (in_order(group) for group in groups.values() if len(group) >= least)
