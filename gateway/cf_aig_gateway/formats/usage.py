"""The tokens of a call, counted the same way for every provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Usage:
    """Tokens in (including those read from and written to the provider's cache) and out (including reasoning).

    None means unknown; no cache read means zero only if `is_cache_stated`. `cache_write_long` is the part of
    `cache_write` that lives an hour. `stated_cost` is the price that the reply itself states (US dollars); `detail`,
    what genai-prices reads from it. An estimate is based on the text that arrived.
    """

    tokens_in: int | None = None
    tokens_out: int | None = None
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    stated_cost: float | None = None
    is_estimate: bool = False
    cache_write_long: int = 0
    is_cache_stated: bool = field(default=False, compare=False)
    detail: Any = field(default=None, compare=False, repr=False)

    def metadata(self) -> dict[str, int]:
        """Return it by the names of a log's usage_metadata."""
        if self.tokens_in is None and self.tokens_out is None:
            return {}
        tokens_in, tokens_out = self.tokens_in or 0, self.tokens_out or 0
        return {
            "input_tokens": tokens_in,
            "output_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
            "output_reasoning_tokens": self.reasoning,
            "input_cached_tokens": self.cache_read,
            **({"estimated": 1} if self.is_estimate else {}),
        }

    def told(self) -> str:
        """Return it in words, as `100 in (40 new, 60 cache read), 50 out (20 answer, 30 reasoning)`."""
        return ", ".join(filter(None, [self.told_in(), self.told_out()]))

    def told_in(self) -> str:
        """Return the tokens in, in words."""
        if self.tokens_in is None:
            return ""
        new = self.tokens_in - self.cache_read - self.cache_write
        parts = ((new, "new"), (self.cache_read, "cache read"), (self.cache_write, "cache write"))
        if self.cache_read or self.cache_write:
            listed = ", ".join(f"{count:,} {name}" for count, name in parts if count or name == "new")
            return f"{self.tokens_in:,} in ({listed})"
        return f"{self.tokens_in:,} in" + (" (0 cache read)" if self.is_cache_stated and self.tokens_in else "")

    def told_out(self) -> str:
        """Return the tokens out, in words."""
        if self.tokens_out is None:
            return ""
        answer = self.tokens_out - self.reasoning
        if not self.reasoning:
            return f"{self.tokens_out:,} out"
        if answer <= 0:
            return f"{self.tokens_out:,} out, all reasoning"
        return f"{self.tokens_out:,} out ({answer:,} answer, {self.reasoning:,} reasoning)"


def with_cache(tokens_in: int | None, tokens_out: int | None, read: int | None, written: int | None) -> Usage:
    """Return the usage of a provider that doesn't include cached tokens in its input tokens."""
    known = None if tokens_in is None else tokens_in + (read or 0) + (written or 0)
    is_stated = read is not None or written is not None
    return Usage(known, tokens_out, cache_read=read or 0, cache_write=written or 0, is_cache_stated=is_stated)


def count(value: Any) -> int | None:
    """Return a count of tokens; None if it isn't one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def first(held: Mapping[str, Any], *names: str) -> int | None:
    """Return the first of several counts that an object has."""
    return next((found for name in names if (found := count(held.get(name))) is not None), None)


def total(*counts: int | None) -> int | None:
    """Return the sum of the known values; None if there are none."""
    known = [each for each in counts if each is not None]
    return sum(known) if known else None
