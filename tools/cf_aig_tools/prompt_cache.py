"""Explains the provider's prompt cache for a call: what it read, what it missed, why, and what that cost."""

import re
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
from cf_aig_gateway.one_line import named
from cf_aig_gateway.prompt_caching import LEAST, LIVES, SHORT, STEP, least_cached, openai_life
from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_tools.amounts import dollars
from cf_aig_tools.bodies import Stored
from cf_aig_tools.comparison.turns import common
from cf_aig_tools.log_rows import usage_of

ODD = 0.1
"""Share of a prompt not read from the cache at which the previous call is examined."""

LEAST_TOLD = 256
SHARE_TOLD = 0.02
"""Minimum missed tokens, and minimum share of the prompt, to report; less can be an unmarked end or a cache step."""

STEPPED = {"openai", "azure-openai"}
"""Providers whose cached prefixes grow in steps."""

NEAR = 40
"""Characters around a difference that show what it is."""

TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?|\b\d{1,2}:\d\d(?::\d\d)?\b|\b1[5-9]\d{8}(?:\d{3})?\b")
ID = re.compile(
    r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\b(?:[a-z]+_)?(?=[a-zA-Z]*\d)[0-9a-zA-Z]{8,}\b"
)

KEYED = (
    "prompt_cache_key", "service_tier", "speed", "reasoning", "reasoning_effort", "output_config", "thinking",
    "response_format", "text", "tool_choice",
)  # fmt: skip
"""Parameters, besides the prompt itself, that make cached prompts distinct."""


@dataclass(frozen=True)
class Missed:
    """Tokens that a call could have read from the cache but did not, and why."""

    tokens: int
    why: str


def line(log: Log, usage: Usage, missed: Missed | None = None) -> str:
    """Return what happened in one line; empty if nothing is known about the cache."""
    whole = usage.tokens_in or 0
    if log.cached or not whole:
        return ""
    if missed:
        tokens = min(missed.tokens, whole)
        extra = dearer(log, usage, tokens)
        cost = f", about {dollars(extra)} more than a hit" if extra else ""
        return f"prompt cache: missed {tokens:,} of {whole:,} input tokens ({missed.why}){cost}"
    if not usage.cache_read and not usage.cache_write:
        least = least_cached(log.model or "")
        why = f" (below the {least:,}-token minimum)" if whole < least else ""
        told = f"prompt cache: read 0 of {whole:,} input tokens{why}"
        return told if usage.is_cache_stated else ""
    parts = [f"read {usage.cache_read:,}", f"wrote {usage.cache_write:,}" if usage.cache_write else ""]
    return f"prompt cache: {', '.join(filter(None, parts))} of {whole:,} input tokens"


def marks(held: Conversation) -> str:
    """Return a request's cache settings in one line; empty if it has none."""
    asked = [f"{name} {named(value)}" for name, value in held.parameters.items() if name.startswith("prompt_cache")]
    told = ", ".join(filter(None, [held.cache_marks, *asked]))
    return f"prompt cache requested: {told}" if told else ""


def dearer(log: Log, usage: Usage, tokens: int) -> float:
    """Return how many US dollars a call would have saved with this many more tokens read from the cache."""
    name = (log.model or "").removeprefix(f"{log.provider}/")
    written, long = (max(0, count - tokens) for count in (usage.cache_write, usage.cache_write_long))
    read = usage.cache_read + tokens
    hit = replace(usage, cache_read=read, cache_write=written, cache_write_long=long, detail=None)
    paid, ideal = (pricing.cost(log.provider or "", name, each) for each in (replace(usage, detail=None), hit))
    return max(0.0, paid - ideal) if paid is not None and ideal is not None else 0


def saved(rows: Iterable[tuple[Log, float]]) -> float:
    """Return how many US dollars reading from the cache saved; each call counts with its weight."""
    read: dict[tuple[str, str], float] = defaultdict(float)
    for log, weight in rows:
        read[log.provider or "", log.model or ""] += weight * usage_of(log).cache_read
    return sum(tokens * _spared(provider, model) for (provider, model), tokens in read.items() if tokens)


def _spared(provider: str, model: str) -> float:
    """Return how many US dollars one cached token saves, at the price of short prompts."""
    name = model.removeprefix(f"{provider}/")
    fresh, cached = (pricing.cost(provider, name, Usage(LEAST, 0, cache_read=read)) for read in (0, LEAST))
    return ((fresh or 0) - (cached or 0)) / LEAST


def stated(log: Log, reply: Conversation | None) -> Missed | None:
    """Return the provider's own explanation of a miss."""
    miss: CacheMiss | None = reply.cache_miss if reply else None
    if miss is None or not miss.tokens:
        return None
    provider = {"anthropic": "Anthropic", "openai": "OpenAI"}.get(log.provider or "", log.provider or "the provider")
    return Missed(miss.tokens, f"{provider}: {miss.reason}")


def is_odd(log: Log, usage: Usage) -> bool:
    """Whether so much of the prompt was not read from the cache that the previous call may explain it."""
    whole = usage.tokens_in or 0
    return whole >= least_cached(log.model or "") and whole - usage.cache_read >= max(LEAST_TOLD, ODD * whole)


def missed(log: Log, usage: Usage, before: Log, requests: tuple[Stored, Stored], pause: timedelta) -> Missed | None:
    """Return how many tokens a call could have read from the previous call's cache entry, and why it did not."""
    one, two = requests
    left = round((before.tokens_in or 0) * _marked(one))
    if log.provider in STEPPED:
        left -= left % STEP
    whole = usage.tokens_in or 0
    tokens = min(whole, left) - usage.cache_read
    if tokens < max(LEAST_TOLD, SHARE_TOLD * whole) or not dearer(log, usage, tokens):
        return None
    return Missed(tokens, compared(one, two, pause))


def compared(before: Stored, after: Stored, pause: timedelta) -> str:
    """Return why a request could not use the cache entry of the previous one."""
    found = next(differences(before, after), "")
    if found:
        return found
    lives = _life(before)
    ago = _told(pause)
    if pause > lives:
        return f"nothing differs: {ago} since the last call, cache lifetime {_told(lives)}"
    return f"nothing differs, {ago} since the last call"


def _marked(request: Stored) -> float:
    """Return the cached share of a prompt: all of it, except at Anthropic, where it ends at the last mark."""
    body = as_object(request.value)
    if not request.held.kind.startswith("Anthropic") or body.get("cache_control"):
        return 1
    messages = (as_list(as_object(message).get("content")) or [message] for message in as_list(body.get("messages")))
    system = as_list(body.get("system")) or [body.get("system")]
    parts = [*as_list(body.get("tools")), *system, *(part for content in messages for part in content)]
    marks = [at for at, part in enumerate(parts) if as_object(part).get("cache_control")]
    sizes = [len(as_json(part)) for part in parts]
    return sum(sizes[: marks[-1] + 1]) / sum(sizes) if marks else 1


def differences(before: Stored, after: Stored) -> Iterator[str]:
    """Yield the differences between two requests in prompt order: model, tools, system, cache settings, messages."""
    one, two = as_object(before.value), as_object(after.value)
    if after.held.kind.startswith("Anthropic") and "cache_control" not in as_json(two):
        yield "nothing in the request is marked for caching"
    if before.held.model != after.held.model:
        yield f"the model changed from {before.held.model} to {after.held.model}"
    yield from _tools(as_list(one.get("tools")), as_list(two.get("tools")))
    first, second = before.held.instructions, after.held.instructions
    if first != second:
        at = common(first, second)
        yield f"the system prompts differ at character {at:,}{_kind(first, second, at)}"
    for name in KEYED:
        if one.get(name) != two.get(name):
            yield f"{name} changed"
    turns = [[turn for turn in each.held.turns if turn.role not in INSTRUCTIONS] for each in (before, after)]
    for number, (said, now) in enumerate(zip(*turns, strict=False)):
        if said.written() != now.written():
            yield f"message {number + 1} differs at character {common(said.written(), now.written()):,}"
    if len(turns[1]) < len(turns[0]):
        yield f"only {len(turns[1])} of {len(turns[0])} messages are left"


def _tools(before: Sequence[Any], after: Sequence[Any]) -> Iterator[str]:
    first, second = ([_name(tool) for tool in tools] for tools in (before, after))
    if first != second and sorted(first) == sorted(second):
        at = next(at for at, (one, two) in enumerate(zip(first, second, strict=True)) if one != two)
        yield f"the tool order changed at tool {at + 1}, {second[at]}"
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


def _kind(one: str, other: str, at: int) -> str:
    """Return what kind of value two texts differ by at a position, if it is one that changes with every call."""
    ends = [text[max(0, at - NEAR) : at + NEAR] for text in (one, other)]
    for name, pattern in (("a time", TIME), ("an id", ID)):
        first, second = (pattern.findall(end) for end in ends)
        if first != second:
            return f": {name}"
    return ""


def _life(request: Stored) -> timedelta:
    """Return the lifetime of a request's cache entry: the longest one it asks for."""
    body = as_object(request.value)
    if not request.held.kind.startswith("Anthropic"):
        return timedelta(seconds=openai_life(request.held.model, body))
    written = as_json(body)
    asked = [life for name, life in LIVES.items() if f'"ttl":"{name}"' in written]
    return timedelta(seconds=max(asked, default=SHORT))


def _told(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:.0f} minutes" if minutes >= 2 else f"{span.total_seconds():.0f} seconds"
