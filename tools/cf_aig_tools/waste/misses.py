"""Finds what the provider's prompt cache missed of the previous call's entry, and why."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import anyio

from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.models import Log
from cf_aig_gateway.prompt_caching import SHORT, STEP, least_cached
from cf_aig_tools.bodies import Stored, Wanted
from cf_aig_tools.prompt_cache import LEAST_TOLD, ODD, SHARE_TOLD, STEPPED, dearer, missed, stated
from cf_aig_tools.waste.calls import Call, same_asker
from cf_aig_tools.waste.findings import PROMPT_CACHE, Findings, Waste
from cf_aig_tools.waste.reading import Reading

RECENT = 16
"""Calls of a session searched for the one that another continues."""

MOST_COMPARED = 600
"""Maximum misses whose bodies are read for a precise cause; for others, fingerprints show which part differs."""

AT_ONCE = 40
"""Misses whose bodies are in memory at the same time."""

UNKNOWN = "cause not read"
EVICTED = "nothing differs"

_NUMBER = re.compile(r"\d[\d,.]*")


@dataclass(frozen=True)
class Miss:
    """A call that could have used the cache entry of the call `before`: tokens and dollars at stake."""

    call: Call
    before: Call
    tokens: int
    dollars: float

    @property
    def bodies(self) -> list[Wanted]:
        """What reveals the cause: both requests, and the reply, in which the provider may state it."""
        return [(self.before.id, "request"), (self.call.id, "request"), (self.call.id, "response")]

    @cached_property
    def part(self) -> str:
        """Return which part of the request differs, according to fingerprints."""
        one, two = self.before.print, self.call.print
        if one is None or two is None:
            return UNKNOWN
        parts = {
            "nothing in the request is marked for caching": self.call.provider == "anthropic" and not two.life,
            "the model changed": self.before.model != self.call.model,
            "the tools changed": one.toolset != two.toolset,
            "the system prompt changed": one.rules != two.rules,
            "a setting changed": one.settings != two.settings,
            "earlier messages changed": two.carries != one.said,
            "the cache expired": self.call.start - self.before.end > (two.life or SHORT),
        }
        return next((part for part, is_so in parts.items() if is_so), EVICTED)


@dataclass(frozen=True)
class Read:
    """What the bodies of a miss reveal: tokens, dollars and the cause; None if it is not a miss."""

    tokens: int
    dollars: float
    why: str


async def misses(found: Findings, reading: Reading) -> list[Waste]:
    """Return the calls that missed the cache, with a precise cause where bodies were read."""
    candidates = sorted(_candidates(found, reading), key=lambda miss: -miss.dollars)
    read: dict[str, Read | None] = {}
    near = sorted(candidates[:MOST_COMPARED], key=lambda miss: (miss.call.session, miss.call.start))
    for at in range(0, len(near), AT_ONCE):
        if anyio.current_time() > reading.deadline:
            break
        batch = near[at : at + AT_ONCE]
        bodies = await reading.read_bodies([body for miss in batch for body in miss.bodies])
        for miss in batch:
            requests = [bodies.get(body) for body in miss.bodies[:2]]
            if requests[0] and requests[1]:
                read[miss.call.id] = _read(miss, (requests[0], requests[1]), bodies.get(miss.bodies[2]))
    return list(_told(candidates, read))


def _told(candidates: Sequence[Miss], read: Mapping[str, Read | None]) -> Iterator[Waste]:
    """Yield misses with their causes; the numbers in a cause are those of its most expensive miss."""
    words: dict[str, str] = {}
    for miss in candidates:
        if held := read.get(miss.call.id, Read(miss.tokens, miss.dollars, miss.part)):
            cause = words.setdefault(_NUMBER.sub("#", held.why), held.why)
            yield Waste(PROMPT_CACHE, miss.call, held.tokens, held.dollars, cause)


def _read(miss: Miss, requests: tuple[Stored, Stored], reply: Stored | None) -> Read | None:
    """Return what the bodies say: the provider's own words, or else the difference from the previous request."""
    call = miss.call
    log, before = (_log(each) for each in (call, miss.before))
    said = reply.held if reply else None
    usage = said.usage if said and said.usage.tokens_in else Usage(call.tokens_in, call.tokens_out, call.read)
    pause = timedelta(seconds=call.start - miss.before.end)
    why = stated(log, said) or missed(log, usage, before, requests, pause)
    tokens = min(why.tokens, call.tokens_in - call.read) if why else 0
    return Read(tokens, dearer(log, usage, tokens), why.why) if why else None


def _log(call: Call) -> Log:
    return Log(id=call.id, provider=call.provider, model=call.model, tokens_in=call.tokens_in)


def _candidates(found: Findings, reading: Reading) -> Iterator[Miss]:
    said: dict[str, Call] = {}
    threads: dict[str, deque[Call]] = defaultdict(lambda: deque(maxlen=RECENT))
    for call in reading.calls:
        if not call.counts or call.tokens_in < least_cached(call.model):
            continue
        names = list(filter(None, (call.session, call.print and call.print.opening)))
        before = _before(call, said, [threads[name] for name in names])
        if before and call.knows_cache and call.id not in found.taken:
            tokens = min(call.tokens_in, _left(before)) - call.read
            is_odd = call.tokens_in - call.read >= max(LEAST_TOLD, ODD * call.tokens_in)
            is_told = is_odd and tokens >= max(LEAST_TOLD, SHARE_TOLD * call.tokens_in)
            if is_told and (dollars := call.saved_by_hit(tokens)):
                yield Miss(call, before, tokens, dollars)
        if call.print and call.print.said:
            said[call.print.said] = call
        for name in names:
            threads[name].append(call)


def _left(call: Call) -> int:
    """Return how many tokens a call left in the cache, as far as its row shows."""
    return call.tokens_in - (call.tokens_in % STEP if call.provider in STEPPED else 0)


def _before(call: Call, said: Mapping[str, Call], threads: Sequence[Sequence[Call]]) -> Call | None:
    """Return the call that this one continues: by the messages it includes, or else by session or first message."""
    if call.print and not call.print.history:
        return None  # it starts a conversation
    carried = said.get(call.print.carries) if call.print else None
    if carried and same_asker(carried, call):
        return carried
    near = (other for thread in threads for other in reversed(thread) if same_asker(other, call))
    return next((other for other in near if _size(other) <= _size(call)), None)


def _size(call: Call) -> int:
    """Return the characters in a call's messages; 0 if unknown."""
    return call.print.history + call.print.question if call.print else 0
