"""The parts of a log that matter for waste, because up to a hundred thousand are in memory at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.formats.fingerprint import Fingerprint
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.models import Log
from cf_aig_tools.evaluations import is_evaluation
from cf_aig_tools.log_rows import when
from cf_aig_tools.sessions import SESSION_WORDS, USER_WORDS

FEATURE_WORDS = ("feature", "task", "use_case", "usecase", "workflow", "endpoint", "route", "job", "app", "team")
"""Words in metadata keys that say what calls are for, the most reliable first."""

STEP = 1000
"""Input tokens at which a model's price may change, because some charge more for long requests."""


@dataclass(slots=True)
class Call:
    """A log: times are in seconds since 1970, cost is in US dollars.

    `read` are the tokens from the provider's cache, if it `knows_cache`; `print` is the fingerprint of a request that
    was read.
    """

    id: str
    start: float
    end: float
    provider: str
    model: str
    is_ok: bool
    is_hit: bool
    is_evaluation: bool
    cost: float
    tokens_in: int
    tokens_out: int
    read: int
    reasoning: int
    feedback: float
    knows_cache: bool
    session: str
    user: str
    feature: str
    agent: str
    print: Fingerprint | None = None

    @property
    def tokens(self) -> int:
        """All tokens, in and out."""
        return self.tokens_in + self.tokens_out

    @property
    def counts(self) -> bool:
        """Whether a provider answered it for a user."""
        return self.is_ok and not self.is_hit and not self.is_evaluation

    @property
    def rates(self) -> "Rates | None":
        """The prices of its model for requests of about its size; None if unknown."""
        return rates(self.provider, self.model, self.tokens_in)

    def share(self, tokens_in: float, tokens_out: float = 0) -> float:
        """Return the cost of this many of its tokens; 0 if its model's price is unknown."""
        known = self.rates
        whole = known.price(self.tokens_in, self.tokens_out, self.read) if known else 0
        return min(self.cost, self.cost * known.price(tokens_in, tokens_out) / whole) if known and whole else 0.0

    def saved_by_hit(self, tokens: int) -> float:
        """Return how much cheaper it would have been with this many more tokens read from the prompt cache.

        Any cost above the price of its tokens is attributed to writing the unread tokens to the cache.
        """
        known = self.rates
        if known is None:
            return 0.0
        above = max(0.0, self.cost - known.price(self.tokens_in, self.tokens_out, self.read))
        unread = max(tokens, self.tokens_in - self.read)
        written = above * tokens / unread if above <= unread * known.fresh else 0.0
        return max(0.0, tokens * (known.fresh - known.read)) + written


@dataclass(frozen=True)
class Rates:
    """US dollars per input token, per token read from the prompt cache, and per output token."""

    fresh: float
    read: float
    out: float

    def price(self, tokens_in: float, tokens_out: float, read: float = 0) -> float:
        """Return the cost of this many tokens, `read` of them from the cache (US dollars)."""
        return (tokens_in - read) * self.fresh + read * self.read + tokens_out * self.out


def rates(provider: str, model: str, size: int) -> Rates | None:
    """Return a model's prices for requests of about this many tokens; None if unknown."""
    return _rates(provider, model.removeprefix(f"{provider}/"), size // STEP)


@lru_cache(maxsize=4096)
def _rates(provider: str, model: str, steps: int) -> Rates | None:
    """Return prices from a cache, because looking one up takes 0.3 ms."""
    size = steps * STEP + STEP // 2
    usages = (
        Usage(size, 0),
        Usage(size, 0, cache_read=size),
        Usage(size, size),
    )
    fresh, read, both = (pricing.cost(provider, model, usage) for usage in usages)
    if fresh is None or read is None or both is None:
        return None
    return Rates(fresh / size, read / size, (both - fresh) / size)


def call_of(log: Log) -> Call:
    """Return a log as a call; a missing cost is computed from its tokens if their price is known."""
    facts, at = log.usage_metadata, when(log)
    tokens = _count(log.tokens_in), _count(log.tokens_out), _count(facts.get("input_cached_tokens"))
    start = at.timestamp() if at else 0.0
    provider, model = log.provider or "", log.model or ""
    held = Fingerprint.of_row((log.model_extra or {}).get("fingerprint"))
    feature, value = _named(log, FEATURE_WORDS)
    cost = log.cost
    if cost is None:
        known = rates(provider, model, tokens[0]) if log.success else None
        cost = known.price(*tokens) if known else 0.0
    return Call(
        id=log.id,
        start=start,
        end=start + (log.duration or 0) / 1000,
        provider=provider,
        model=model,
        is_ok=log.success is not False,
        is_hit=log.cached is True,
        is_evaluation=is_evaluation(log),
        cost=cost,
        tokens_in=tokens[0],
        tokens_out=tokens[1],
        read=tokens[2],
        reasoning=_count(facts.get("output_reasoning_tokens")),
        feedback=log.feedback or 0,
        knows_cache="input_cached_tokens" in facts,
        session=log.session_id or _named(log, SESSION_WORDS)[1] or (held.session if held else ""),
        user=_named(log, USER_WORDS)[1],
        feature=feature and f"{feature}={value}",
        agent=log.user_agent or "",
        print=held,
    )


def same_asker(one: Call, other: Call) -> bool:
    """Whether nothing indicates that two calls have different sessions, users or programs."""
    pairs = ((one.session, other.session), (one.user, other.user), (one.agent, other.agent))
    return all(a == b or not a or not b for a, b in pairs)


def in_order(calls: Iterable[Call]) -> list[Call]:
    """Return calls in order of time."""
    return sorted(calls, key=lambda call: (call.start, call.id))


def _count(value: Any) -> int:
    """Return a count; 0 for anything else."""
    return int(value) if isinstance(value, int | float) and 0 < value < inf else 0


def _named(log: Log, words: tuple[str, ...]) -> tuple[str, str]:
    """Return the first metadata key that contains one of these words, with its value; empty if there is none."""
    for key in _keys(tuple(log.metadata), words):
        value = log.metadata[key]
        if isinstance(value, str | int) and not isinstance(value, bool):
            return key, str(value)
    return "", ""


@lru_cache(maxsize=1024)
def _keys(names: tuple[str, ...], words: tuple[str, ...]) -> list[str]:
    """Return the names that contain one of these words, in word order; cached, because logs have few sets of names."""
    return [name for word in words for name in names if word in name.lower()]
