"""Prompt caches of simulated providers: prefixes of prompts that live for a while, and requests to compare with.

Only hashes and counts of a prompt are kept, in memory, within limits.
"""

import hashlib
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cf_aig_gateway.local.usage import CHARACTERS_PER_TOKEN

MOST_PREFIXES = 50_000
"""The most prefixes kept, the last used: a few MB. A prompt of 100,000 tokens has 780 at OpenAI, 4 at Anthropic."""

MOST_SENT = 2_000
MOST_BLOCKS = 200_000
"""The most requests kept to compare with, and the most blocks of all of them together."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a prompt, and the part that it belongs to. `head` must match besides the text, and isn't counted.

    A block without a head continues the previous one. The prefix that ends with a block is kept for `lives_s` seconds
    after its last use; 0 means it isn't marked.
    """

    part: str
    head: str
    text: str
    lives_s: int = 0


@dataclass(frozen=True)
class Prompt:
    """A prompt as its provider caches it: the owner of its cache, and its blocks.

    `settings` must match too, besides blocks. Prefixes end at marked blocks and, with a `step`, every `step` tokens
    from `least` on; those live `step_lives_s`. At a mark, prefixes that end up to `looks_back` blocks earlier are
    looked up.
    """

    owner: str
    settings: Mapping[str, str]
    blocks: Sequence[Block]
    least: int
    step: int = 0
    step_lives_s: int = 0
    looks_back: int = 1

    def prefixes(self) -> Iterator["Prefix"]:
        """Yield the ends of the prompt's prefixes, in order."""
        blocks = _cut(self) if self.step else self.blocks
        digest = hashlib.blake2b(digest_size=8)
        digest.update("\0".join([self.owner, *self.settings.values()]).encode(errors="replace"))
        size = 0
        for block in blocks:
            said = f"{block.head}\0{block.text}" if block.head else block.text
            digest.update(said.encode(errors="replace"))
            size += len(block.text) + bool(block.head and size)
            yield Prefix(int.from_bytes(digest.copy().digest()), _tokens(size), block.part, block.lives_s)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The end of a prompt's prefix: its hash, its length in tokens, and how long it lives (seconds)."""

    digest: int
    tokens: int
    part: str
    lives_s: int


@dataclass(frozen=True)
class Cached:
    """Tokens of a prompt read from the cache, and those written to it by lifetime (seconds)."""

    read: int = 0
    written: Mapping[int, int] = field(default_factory=dict[int, int])

    @property
    def written_tokens(self) -> int:
        """The tokens written, whatever their lifetime."""
        return sum(self.written.values())

    def within(self, tokens: int) -> "Cached":
        """Return the same, limited to a prompt of this many tokens."""
        read = min(self.read, tokens)
        left = tokens - read
        written: dict[int, int] = {}
        for lives_s, count in self.written.items():
            written[lives_s] = min(count, left)
            left -= written[lives_s]
        return Cached(read, written)


@dataclass(frozen=True)
class Sent:
    """What is known about an answered request. `kept` is how many of its tokens were cached."""

    settings: Mapping[str, str]
    parts: Sequence[str]
    digests: "array[int]"
    ends: "array[int]"
    kept: int


@dataclass(frozen=True)
class Divergence:
    """Where a request first differs from an earlier one: in a setting or a part of the prompt, and after how many
    tokens.

    `kept` is how many tokens it would have read without the difference.
    """

    at: str
    reusable: int
    kept: int

    def missed(self, read: int) -> int:
        """Return how many tokens it missed because of that, given how many it read."""
        return max(0, self.kept - read)


class PromptCaches:
    """What simulated providers remember about prompts. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ends: dict[int, tuple[float, int]] = {}
        self._sent: dict[tuple[str, str], Sent] = {}
        self._blocks = 0

    def meter(self, prompt: Prompt) -> Cached:
        """Read a prompt from the cache and write it to it; return the tokens read and written."""
        now = self._clock()
        prefixes = list(prompt.prefixes())
        marked = [at for at, each in enumerate(prefixes) if each.lives_s and each.tokens >= prompt.least]
        found = self._longest(prefixes, marked, prompt.looks_back, now)
        if found is None:
            read = 0
        else:
            read = prefixes[found].tokens
            self._use(prefixes[found], now)
        written: dict[int, int] = {}
        reached = read
        for each in (prefixes[at] for at in marked):
            self._use(each, now)
            if each.tokens > reached:
                written[each.lives_s] = written.get(each.lives_s, 0) + each.tokens - reached
                reached = each.tokens
        self._forget()
        return Cached(read, written)

    def _longest(self, prefixes: Sequence[Prefix], marked: Sequence[int], looks_back: int, now: float) -> int | None:
        for mark in reversed(marked):
            for at in range(mark, max(mark - looks_back, -1), -1):
                if self._ends.get(prefixes[at].digest, (0.0, 0))[0] > now:
                    return at
        return None

    def _use(self, prefix: Prefix, now: float) -> None:
        """Extend a prefix's life: by its original lifetime if it is alive, otherwise by the requested one."""
        ends, lives_s = self._ends.pop(prefix.digest, (0.0, 0))
        lives_s = lives_s if ends > now else prefix.lives_s
        self._ends[prefix.digest] = now + lives_s, lives_s

    def _forget(self) -> None:
        while len(self._ends) > MOST_PREFIXES:
            del self._ends[next(iter(self._ends))]

    def sent(self, owner: str, reply_id: str) -> Sent | None:
        """Return what the request behind a reply id sent; None if unknown."""
        return self._sent.get((owner, reply_id))

    def remember(self, reply_id: str, prompt: Prompt) -> Sent:
        """Remember what a request sent, under its reply's id."""
        whole = replace(prompt, step=0, settings={})
        prefixes = list(whole.prefixes())
        marked = max((each.tokens for each in prefixes if each.lives_s), default=0)
        kept = prefixes[-1].tokens // prompt.step * prompt.step if prompt.step and prefixes else marked
        sent = Sent(
            prompt.settings,
            [each.part for each in prefixes],
            array("Q", [each.digest for each in prefixes]),
            array("L", [each.tokens for each in prefixes]),
            kept if kept >= prompt.least else 0,
        )
        before = self._sent.pop((prompt.owner, reply_id), None)
        self._blocks += len(prefixes) - (len(before.parts) if before else 0)
        self._sent[prompt.owner, reply_id] = sent
        while len(self._sent) > MOST_SENT or (self._blocks > MOST_BLOCKS and len(self._sent) > 1):
            self._blocks -= len(self._sent.pop(next(iter(self._sent))).parts)
        return sent


def divergence(before: Sent, after: Sent, order: Sequence[str]) -> Divergence | None:
    """Return where a request differs from an earlier one; None if it doesn't, or if it continues it.

    If blocks of two parts are in the same place, the part that comes first in `order` has changed.
    """
    within = min(before.kept, after.ends[-1] if after.ends else 0)
    for name, value in after.settings.items():
        if before.settings.get(name) != value:
            return Divergence(name, 0, within)
    pairs = enumerate(zip(before.digests, after.digests, strict=False))
    at = next((at for at, (one, two) in pairs if one != two), min(len(before.digests), len(after.digests)))
    if at == len(before.digests):
        return None
    reusable = after.ends[at - 1] if at else 0
    parts = [each.parts[at] for each in (before, after) if at < len(each.parts)]
    return Divergence(min(parts, key=order.index), reusable, within)


def _cut(prompt: Prompt) -> Iterator[Block]:
    """Yield the blocks, split at each step."""
    length = prompt.step * CHARACTERS_PER_TOKEN
    start = 0
    for block in prompt.blocks:
        start += bool(start)
        head, text, at = block.head, block.text, 0
        for end in range(length - start % length, len(text) + 1, length):
            yield Block(block.part, head, text[at:end], prompt.step_lives_s)
            at, head = end, ""
        if at < len(text) or head or block.lives_s:
            yield Block(block.part, head, text[at:], block.lives_s)
        start += len(text)


def _tokens(size: int) -> int:
    return -(-size // CHARACTERS_PER_TOKEN)
