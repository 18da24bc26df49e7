"""How the calls of a run are linked: which continues which, and which belong to one run."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.shapes import as_object, as_text
from cf_aig_tools.runs.calls import Call, Said, is_answer, wording

How = Literal["continues", "retries", "falls back", "was started by", "compacts", "edits", "replays"]

ALIKE = 0.7
"""Two messages count as one that was edited if at least this share of their beginnings is the same."""

LEAST_PROMPT = 12
"""Minimum characters of a prompt to distinguish it from others."""

LEAST_SUMMARY = 60
"""Minimum characters of a reply that another call may begin with."""

COMPARED = 240
"""Characters of such a reply that are compared."""


@dataclass(frozen=True)
class Link:
    """The log id of the call that this one continues, and how."""

    parent: str
    how: How


def carries_edited(call: Call, other: Call) -> bool:
    """Whether a call includes all messages of another in place, with a few of them edited."""
    pairs = [(one, two) for one, two in zip(other.said, call.said, strict=False) if one.mark != two.mark]
    is_longer = 1 < len(other.said) < len(call.said)
    return is_longer and 0 < len(pairs) <= len(other.said) / 2 and all(_are_alike(*pair) for pair in pairs)


def _are_alike(one: Said, two: Said) -> bool:
    matcher = SequenceMatcher(None, one.text[:COMPARED], two.text[:COMPARED], autojunk=False)
    return (one.kind, one.who) == (two.kind, two.who) and matcher.ratio() >= ALIKE


def links(calls: Sequence[Call]) -> dict[str, Link]:
    """Return, by log id, the call that each one continues; calls that start something have no link.

    Oldest calls first.
    """
    found = _Links(calls)
    return found.links


class _Links:
    """Finds links in order of time.

    A call continues only earlier calls, whatever ids a gateway or a stranger wrote, so links can't form a cycle.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self.links: dict[str, Link] = {}
        self._by_id: dict[str, Call] = {}
        self._seen: list[Call] = []
        self._whole: dict[int, list[Call]] = defaultdict(list)
        self._continued: set[str] = set()
        self._replies: dict[str, Call] = {}
        for call in calls:
            if call.id in self._by_id:
                continue
            if link := self._link(call):
                self.links[call.id] = link
                if link.how == "continues":
                    self._continued.add(link.parent)
            self._seen.append(call)
            self._by_id[call.id] = call
            if call.reply_id:
                self._replies[call.reply_id] = call
            if call.said:
                self._whole[call.prefixes[-1]].append(call)
        self._start_agents(calls)

    def _link(self, call: Call) -> Link | None:
        replayed = as_text(call.log.metadata.get("replay_of"))
        if replayed in self._by_id:
            return Link(replayed, "replays")
        if (step := self._step_before(call)) is not None:
            return Link(step.id, "falls back")
        if call.ids.follows:
            followed = self._replies.get(call.ids.follows)
            return Link(followed.id, "continues") if followed else None
        return self._again(call) or self._longest(call) or self._rewritten(call)

    def _step_before(self, call: Call) -> Call | None:
        """Return the previous step of the same request."""
        if not call.log.event_id or not call.log.step:
            return None
        steps = [
            other
            for other in self._by_id.values()
            if other.log.event_id == call.log.event_id and (other.log.step or 0) < call.log.step
        ]
        return max(steps, key=lambda other: other.log.step or 0, default=None)

    def _again(self, call: Call) -> Link | None:
        """Return the earlier identical request, if it failed or belongs to the same session."""
        same = self._whole.get(call.prefixes[-1], []) if call.said else []
        for other in reversed(same):
            if other.failed or _is_same_session(call, other):
                return Link(other.id, "retries")
        return None

    def _longest(self, call: Call) -> Link | None:
        """Return the call whose messages are the longest prefix of these, and whose reply matches what follows."""
        unanswered: Call | None = None
        for length in range(len(call.said) - 1, 0, -1):
            before = [other for other in self._whole.get(call.prefixes[length], []) if _goes_on(call, other, length)]
            fitting = [other for other in before if other.failed or is_answer(call.said[length])]
            if fitting:
                return Link(max(fitting, key=lambda other: self._likeness(call, other, length)).id, "continues")
            unanswered = unanswered or (before[-1] if before else None)
        return Link(unanswered.id, "continues") if unanswered else None

    def _likeness(self, call: Call, other: Call, length: int) -> tuple[bool, bool, bool, bool, float]:
        """Return how likely a call continues another whose messages match; larger is more likely."""
        answer = other.answer
        fits = bool(answer) and call.said[length].mark == answer[0].mark
        return (
            _is_same_session(call, other),
            fits,
            not other.failed,
            other.id not in self._continued,
            other.start.timestamp(),
        )

    def _rewritten(self, call: Call) -> Link | None:
        """Return the call whose history these messages contain in part: it was compacted or edited."""
        first = wording(next((said.text for said in call.said if said.kind == "text"), ""))
        for other in reversed(self._seen):
            if _begins_with_reply(first, other):
                return Link(other.id, "compacts")
        marks = {said.mark for said in call.said if _tells(said)}
        for other in reversed(self._seen):
            grown = {said.mark for said in other.said[self._given(other) :] if _tells(said)}
            if len(grown & marks) >= max(2, len(marks) / 2):
                return Link(other.id, "compacts" if len(call.said) < len(other.said) else "edits")
        return None

    def _given(self, call: Call) -> int:
        """Return how many of a call's messages were already in the first call of its thread."""
        while (link := self.links.get(call.id)) and link.how in {"continues", "retries"}:
            call = self._by_id[link.parent]
        return len(call.said)

    def _start_agents(self, calls: Sequence[Call]) -> None:
        """Link calls that start something to the call that told a tool to start it."""
        told = [(list(_texts(said.text)), made) for said, made in self._tool_calls(calls)]
        for call in calls:
            if call.id in self.links or not call.said:
                continue
            prompt = wording(call.said[0].text)
            makers = [made for texts, made in told if made.start <= call.start and _is_told(prompt, texts)]
            if makers and makers[-1].id != call.id and not self._is_below(makers[-1], call):
                self.links[call.id] = Link(makers[-1].id, "was started by")

    def _tool_calls(self, calls: Sequence[Call]) -> Iterator[tuple[Said, Call]]:
        """Yield tool calls with the calls whose replies made them."""
        for call in calls:
            yield from ((said, call) for said in call.answer if said.kind == "call")
            link = self.links.get(call.id)
            if link and link.how == "continues":
                parent = self._by_id[link.parent]
                yield from ((said, parent) for said in call.said[len(parent.said) :] if said.kind == "call")

    def _is_below(self, call: Call, other: Call) -> bool:
        """Whether a call continues another, directly or indirectly."""
        while link := self.links.get(call.id):
            if link.parent == other.id:
                return True
            call = self._by_id[link.parent]
        return False


def runs(calls: Sequence[Call], found: dict[str, Link]) -> list[set[str]]:
    """Return the ids of the calls of each run: linked, of one session, or steps of one request."""
    joined: dict[str, set[str]] = {call.id: {call.id} for call in calls}

    def join(ids: Iterable[str]) -> None:
        sets = {id(joined[each]): joined[each] for each in ids}
        whole = set[str]().union(*sets.values())
        joined.update(dict.fromkeys(whole, whole))

    for child, link in found.items():
        join([child, link.parent])
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for call in calls:
        for kind, name in (("session", call.session), ("event", call.log.event_id)):
            if name:
                groups[kind, name].append(call.id)
    for ids in groups.values():
        join(ids)
    return list({id(each): each for each in joined.values()}.values())


def _is_same_session(call: Call, other: Call) -> bool:
    return bool(call.session) and call.session == other.session


def _goes_on(call: Call, other: Call, length: int) -> bool:
    """Whether a call that begins with another's messages can be its continuation."""
    if call.session and other.session and call.session != other.session:
        return False
    return not other.answer or other.failed or call.said[length].mark == other.answer[0].mark


def _tells(said: Said) -> bool:
    """Whether an item is unlikely to occur elsewhere by chance."""
    return len(said.text) >= LEAST_PROMPT


def _begins_with_reply(text: str, other: Call) -> bool:
    """Whether a first message contains the reply of another call: a summary of what came before."""
    written = wording(" ".join(said.text for said in other.answer if said.kind == "text"))
    return len(written) >= LEAST_SUMMARY and written[:COMPARED] in text


def _texts(arguments: str) -> Iterator[str]:
    """Yield the texts that a tool was given."""
    value = read_json(arguments)
    held = list(as_object(value).values()) if isinstance(value, dict) else [arguments]
    yield from (wording(text) for text in held if isinstance(text, str))


def _is_told(prompt: str, texts: Iterable[str]) -> bool:
    """Whether one of the texts is the prompt, or the larger part of it."""
    if len(prompt) < LEAST_PROMPT:
        return False
    return any(prompt in text or (text in prompt and 2 * len(text) > len(prompt)) for text in texts)
