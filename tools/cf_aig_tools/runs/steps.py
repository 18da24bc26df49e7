"""The steps of a run: what each call did, and its result."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from cf_aig_tools.runs.calls import Call, Said, is_answer
from cf_aig_tools.runs.gathering import Run
from cf_aig_tools.runs.links import Link


@dataclass(frozen=True)
class Step:
    """One call, by its number in the run.

    `asked` is new in its request, `did` is in its reply, and `results` are the results of that. A fork continues a call
    that another call already continued.
    """

    number: int
    call: Call
    link: Link | None
    parent: "Step | None"
    asked: tuple[Said, ...]
    did: tuple[Said, ...] = ()
    results: tuple[Said, ...] = ()
    is_fork: bool = False

    def tool_calls(self) -> Iterator[tuple[Said, Said | None]]:
        """Yield the tools that it called, each with its result if known."""
        calls = [said for said in self.did if said.kind == "call"]
        for at, said in enumerate(calls):
            yield said, self.results[at] if at < len(self.results) else None


def steps_of(run: Run) -> list[Step]:
    """Return the steps of a run in order of time; the numbers include calls that were not read."""
    times = sorted((log.created_at or "", log.step or 0, log.id) for log in [*run.counted, *(c.log for c in run.calls)])
    numbers = {log_id: at + 1 for at, (_, _, log_id) in enumerate(times)}
    following = _following(run.calls, run.links)
    steps: dict[str, Step] = {}
    for call in sorted(run.calls, key=lambda call: numbers[call.id]):
        link = run.links.get(call.id)
        parent = steps.get(link.parent) if link else None
        known = _known(call, link, parent)
        did, results = _outcome(call, following.get(call.id))
        is_fork = link is not None and link.how == "continues" and following.get(link.parent) is not call
        steps[call.id] = Step(numbers[call.id], call, link, parent, call.said[known:], did, results, is_fork)
    return list(steps.values())


def _following(calls: Sequence[Call], links: dict[str, Link]) -> dict[str, Call]:
    """Return, by log id, the first call that continues another."""
    found: dict[str, Call] = {}
    for call in calls:
        link = links.get(call.id)
        if link and link.how == "continues":
            found.setdefault(link.parent, call)
    return found


def _known(call: Call, link: Link | None, parent: Step | None) -> int:
    """Return how many of a call's messages are not new."""
    if link is None or parent is None or call.ids.follows:
        return 0
    if link.how in {"retries", "falls back", "replays"}:
        return len(call.said)
    if link.how != "continues":
        return max(0, len(call.said) - 1)
    sent = len(parent.call.said)
    return sent + len(list(takewhile(is_answer, call.said[sent:])))


def _outcome(call: Call, next_: Call | None) -> tuple[tuple[Said, ...], tuple[Said, ...]]:
    """Return the contents of a call's reply, and the results of its tool calls."""
    if next_ is None:
        return call.answer, ()
    new = next_.said if next_.ids.follows else next_.said[len(call.said) :]
    did = tuple(takewhile(is_answer, new))
    results = tuple(takewhile(lambda said: said.kind == "result", new[len(did) :]))
    return call.answer or did, results
