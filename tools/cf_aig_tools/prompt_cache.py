"""The provider's prompt cache: what a call read from it, what it missed, why, and what that cost."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.formats.content import as_json
from cf_aig_gateway.formats.conversation import INSTRUCTIONS, CacheMiss, Conversation
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.models import Log
from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_tools.amounts import dollars
from cf_aig_tools.bodies import Stored
from cf_aig_tools.comparison.turns import common
from cf_aig_tools.log_rows import usage_of

LEAST = 1024
"""Tokens of the shortest prompt that the large providers cache."""

LIVES = {"5m": timedelta(minutes=5), "30m": timedelta(minutes=30), "1h": timedelta(hours=1), "12h": timedelta(hours=12)}
"""How long a cached prompt lives that is not read again, by what requests ask for; 5 minutes where they ask nothing."""

KEYED = (
    "prompt_cache_key", "service_tier", "speed", "reasoning", "reasoning_effort", "output_config", "thinking",
    "response_format", "text", "tool_choice",
)  # fmt: skip
"""Parameters, besides the prompt itself, that tell one cached prompt from another."""


@dataclass(frozen=True)
class Missed:
    """Tokens that a call might have read and did not, and why."""

    tokens: int
    why: str


def line(log: Log, usage: Usage, missed: Missed | None = None) -> str:
    """Return what happened in one line; empty where nothing is known of a cache."""
    whole = usage.tokens_in or 0
    if log.cached or not whole:
        return ""
    if missed:
        tokens = min(missed.tokens, whole)
        extra = dearer(log, usage, tokens)
        cost = f", about {dollars(extra)} more than a hit" if extra else ""
        return f"prompt cache: missed {tokens:,} of {whole:,} input tokens ({missed.why}){cost}"
    if not usage.cache_read and not usage.cache_write:
        return ""
    parts = [f"read {usage.cache_read:,}", f"wrote {usage.cache_write:,}" if usage.cache_write else ""]
    return f"prompt cache: {', '.join(filter(None, parts))} of {whole:,} input tokens"


def dearer(log: Log, usage: Usage, tokens: int) -> float:
    """Return by how many US dollars a call cost more than if so many more tokens had been read from the cache."""
    name = (log.model or "").removeprefix(f"{log.provider}/")
    written = max(0, usage.cache_write - tokens)
    hit = replace(usage, cache_read=usage.cache_read + tokens, cache_write=written, detail=None)
    paid, ideal = (pricing.cost(log.provider or "", name, each) for each in (replace(usage, detail=None), hit))
    return max(0.0, paid - ideal) if paid is not None and ideal is not None else 0


def saved(rows: Iterable[tuple[Log, float]]) -> float:
    """Return by how many US dollars calls, each so many times, were cheaper for what was read from the cache."""
    read: dict[tuple[str, str], float] = defaultdict(float)
    for log, weight in rows:
        read[log.provider or "", log.model or ""] += weight * usage_of(log).cache_read
    return sum(tokens * _spared(provider, model) for (provider, model), tokens in read.items() if tokens)


def _spared(provider: str, model: str) -> float:
    """Return by how many US dollars a token that is read from the cache is cheaper, at the price of short prompts."""
    name = model.removeprefix(f"{provider}/")
    fresh, cached = (pricing.cost(provider, name, Usage(LEAST, 0, cache_read=read)) for read in (0, LEAST))
    return ((fresh or 0) - (cached or 0)) / LEAST


def stated(log: Log, reply: Conversation | None) -> Missed | None:
    """Return what the provider itself says of a miss."""
    miss: CacheMiss | None = reply.cache_miss if reply else None
    if miss is None or miss.tokens is None:
        return None
    provider = {"anthropic": "Anthropic", "openai": "OpenAI"}.get(log.provider or "", log.provider or "the provider")
    return Missed(miss.tokens, f"{provider}: {miss.reason}")


def is_odd(usage: Usage) -> bool:
    """Whether so little was read from the cache that the call before may tell why."""
    return (usage.tokens_in or 0) >= LEAST and usage.cache_read < (usage.tokens_in or 0) / 2


def compared(before: Stored, after: Stored, pause: timedelta) -> str:
    """Return why a request could not be read from what the one before it left in the cache."""
    found = next(_differences(before, after), "")
    if found:
        return found
    lives = _life(after.value)
    ago = _told(pause)
    if pause > lives:
        return f"nothing differs: {ago} since the last call, the cache lives {_told(lives)}"
    return f"nothing differs, {ago} since the last call"


def _differences(before: Stored, after: Stored) -> Iterator[str]:
    """Yield what differs, in the order of the prompt that is cached: model, tools, system, messages; then its keys."""
    one, two = as_object(before.value), as_object(after.value)
    if after.held.kind.startswith("Anthropic") and "cache_control" not in as_json(two):
        yield "nothing in the request is marked to be cached"
    if before.held.model != after.held.model:
        yield f"the model changed from {before.held.model} to {after.held.model}"
    yield from _tools(as_list(one.get("tools")), as_list(two.get("tools")))
    first, second = before.held.instructions, after.held.instructions
    if first != second:
        yield f"the system prompts differ from character {common(first, second):,}"
    for name in KEYED:
        if before.held.parameters.get(name) != after.held.parameters.get(name):
            yield f"{name} changed"
    turns = [[turn for turn in each.held.turns if turn.role not in INSTRUCTIONS] for each in (before, after)]
    for number, (said, now) in enumerate(zip(*turns, strict=False)):
        if said.written() != now.written():
            yield f"message {number + 1} differs from character {common(said.written(), now.written()):,}"
    if len(turns[1]) < len(turns[0]):
        yield f"only {len(turns[1])} of {len(turns[0])} messages are left"


def _tools(before: Sequence[Any], after: Sequence[Any]) -> Iterator[str]:
    first, second = ([_name(tool) for tool in tools] for tools in (before, after))
    if first != second and sorted(first) == sorted(second):
        at = next(at for at, (one, two) in enumerate(zip(first, second, strict=True)) if one != two)
        yield f"the tools are in another order from number {at + 1}, {second[at]}"
    for name in second:
        if name not in first:
            yield f"tool {name} was added"
    for name in first:
        if name not in second:
            yield f"tool {name} was removed"
    for one, two in zip(before, after, strict=False):
        if _unmarked(one) != _unmarked(two):
            yield f"tool {_name(two)} changed"


def _name(tool: Any) -> str:
    held = as_object(tool)
    names = (held.get("name"), as_object(held.get("function")).get("name"), held.get("type"))
    return next((as_text(name) for name in names if name), "")


def _unmarked(tool: Any) -> str:
    return as_json({name: value for name, value in as_object(tool).items() if name != "cache_control"})


def _life(body: Any) -> timedelta:
    """Return how long what a request caches lives: the longest that it asks for."""
    written = as_json(body)
    asked = [life for name, life in LIVES.items() if f'"ttl":"{name}"' in written]
    return max(asked, default=LIVES["5m"])


def _told(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:.0f} minutes" if minutes >= 2 else f"{span.total_seconds():.0f} seconds"
