"""What the provider's prompt cache missed of what the call before had left in it, and why."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import anyio

from cf_aig_gateway.prompt_caching import SHORT, least_cached
from cf_aig_tools.bodies import Stored, Wanted
from cf_aig_tools.prompt_cache import LEAST, compared
from cf_aig_tools.waste.calls import Call, same_asker
from cf_aig_tools.waste.findings import PROMPT_CACHE, Findings, Waste
from cf_aig_tools.waste.reading import Reading

RECENT = 16
"""Calls of a session among which the one is looked for that another goes on from."""

MOST_COMPARED = 600
"""Misses whose bodies are read to tell the cause in words; of others, fingerprints tell which part differs."""

AT_ONCE = 40
"""Misses whose bodies are held at a time."""

UNKNOWN = "the cause was not read"
EVICTED = "nothing differs"

PROVIDERS = {"anthropic": "Anthropic", "openai": "OpenAI"}

_NUMBER = re.compile(r"\d[\d,.]*")


@dataclass(frozen=True)
class Miss:
    """A call that might have read what the one `before` it left in the cache: so many tokens, for so many dollars."""

    call: Call
    before: Call
    tokens: int
    dollars: float

    @property
    def bodies(self) -> list[Wanted]:
        """What tells the cause: both requests, and the reply, in which the provider may state it."""
        return [(self.before.id, "request"), (self.call.id, "request"), (self.call.id, "response")]

    @cached_property
    def part(self) -> str:
        """Which part of the request differs, as fingerprints tell it."""
        one, two = self.before.print, self.call.print
        if one is None or two is None:
            return UNKNOWN
        parts = {
            "nothing in the request is marked to be cached": self.call.provider == "anthropic" and not two.life,
            "the model changed": self.before.model != self.call.model,
            "the tools changed": one.toolset != two.toolset,
            "the system prompt changed": one.rules != two.rules,
            "a setting changed": one.settings != two.settings,
            "earlier messages changed": two.carries != one.said,
            "the cache expired": self.call.start - self.before.end > (two.life or SHORT),
        }
        return next((part for part, is_so in parts.items() if is_so), EVICTED)


async def misses(found: Findings, reading: Reading) -> list[Waste]:
    """Return the calls that missed what a cache might have had, the cause in words where bodies were read."""
    missed = sorted(_missed(found, reading), key=lambda miss: -miss.dollars)
    causes: dict[str, tuple[str, int | None]] = {}
    near = sorted(missed[:MOST_COMPARED], key=lambda miss: (miss.call.session, miss.call.start))
    for at in range(0, len(near), AT_ONCE):
        if anyio.current_time() > reading.deadline:
            break
        batch = near[at : at + AT_ONCE]
        bodies = await reading.read_bodies([body for miss in batch for body in miss.bodies])
        causes |= {miss.call.id: cause for miss in batch if (cause := _cause(miss, bodies))}
    return list(_told(missed, causes))


def _told(missed: Sequence[Miss], causes: Mapping[str, tuple[str, int | None]]) -> Iterator[Waste]:
    """Yield misses with their causes, whose numbers are those of the most expensive miss of that cause."""
    words: dict[str, str] = {}
    for miss in missed:
        cause, stated = causes.get(miss.call.id, (miss.part, None))
        tokens = min(stated or miss.tokens, miss.call.tokens_in - miss.call.read)
        dollars = _dearer(miss.call, tokens)
        yield Waste(PROMPT_CACHE, miss.call, tokens, dollars, words.setdefault(_NUMBER.sub("#", cause), cause))


def _cause(miss: Miss, bodies: Mapping[Wanted, Stored]) -> tuple[str, int | None] | None:
    """Return why it missed, and how many tokens where the provider states that: by its words, else by comparison."""
    before, after, reply = (bodies.get(body) for body in miss.bodies)
    stated = reply.held.cache_miss if reply else None
    if stated and stated.tokens:
        return f"{PROVIDERS.get(miss.call.provider, miss.call.provider)}: {stated.reason}", stated.tokens
    if before is None or after is None:
        return None
    return compared(before, after, timedelta(seconds=miss.call.start - miss.before.end)), None


def _missed(found: Findings, reading: Reading) -> Iterator[Miss]:
    said: dict[str, Call] = {}
    threads: dict[str, deque[Call]] = defaultdict(lambda: deque(maxlen=RECENT))
    for call in reading.calls:
        if not call.counts or call.tokens_in < LEAST:
            continue
        names = list(filter(None, (call.session, call.print and call.print.opening)))
        before = _before(call, said, [threads[name] for name in names])
        if before and call.knows_cache and call.read < call.tokens_in / 2 and call.id not in found.taken:
            tokens = min(call.tokens_in, before.tokens_in) - call.read
            dollars = _dearer(call, tokens) if tokens >= least_cached(call.model) else 0
            if dollars:
                yield Miss(call, before, tokens, dollars)
        if call.print and call.print.said:
            said[call.print.said] = call
        for name in names:
            threads[name].append(call)


def _before(call: Call, said: Mapping[str, Call], threads: Sequence[Sequence[Call]]) -> Call | None:
    """Return the call that one goes on from: by the messages that it carries, else by session or first message."""
    if call.print and not call.print.history:
        return None  # it begins a conversation
    carried = said.get(call.print.carries) if call.print else None
    if carried and same_asker(carried, call):
        return carried
    near = (other for thread in threads for other in reversed(thread) if same_asker(other, call))
    return next((other for other in near if _size(other) <= _size(call)), None)


def _size(call: Call) -> int:
    """Return the characters of a call's messages; 0 where they are not known."""
    return call.print.history + call.print.question if call.print else 0


def _dearer(call: Call, tokens: int) -> float:
    """Return by how much a call cost more than if so many more tokens had been read from the cache (US dollars)."""
    paid, hit = call.price(tokens, 0), call.price(tokens, 0, tokens)
    return max(0.0, paid - hit) if paid is not None and hit is not None else 0.0
