"""Prompt caches of simulated providers: beginnings of prompts that live for a while, and requests to compare with.

Nothing of a prompt is kept but hashes and counts, in memory, within bounds.
"""

import hashlib
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cf_aig_gateway.local.providers.scenarios import CHARACTERS_PER_TOKEN

MOST_PREFIXES = 50_000
"""Prefixes that are kept, those used last: a few MB. A prompt of 100,000 tokens has 780 at OpenAI, 4 at Anthropic."""

MOST_SENT = 2_000
MOST_BLOCKS = 200_000
"""Requests that are kept to compare with, and the blocks of all of them together."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a prompt and the part that it is of; `head` is what it must equal besides its text, uncounted.

    A block without a head goes on with the one before. The prefix that ends with a block is kept for `lives_s` seconds
    after its last use; 0: it is not marked.
    """

    part: str
    head: str
    text: str
    lives_s: int = 0


@dataclass(frozen=True)
class Prompt:
    """A prompt as its provider caches it: whose prompts it shares a cache with, and what it consists of.

    `settings` are what a request must have in common with another, besides blocks. Prefixes end at marked blocks and,
    with a `step`, at each so many tokens from `least` on, which live `step_lives_s`. At a mark, the prefixes of as many
    blocks before are looked for as `looks_back`.
    """

    owner: str
    settings: Mapping[str, str]
    blocks: Sequence[Block]
    least: int
    step: int = 0
    step_lives_s: int = 0
    looks_back: int = 1

    def prefixes(self) -> Iterator["Prefix"]:
        """Yield where prefixes of the prompt end, in order."""
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
    """Where a prefix of a prompt ends: its hash, its length in tokens, and how long it is to live (seconds)."""

    digest: int
    tokens: int
    part: str
    lives_s: int


@dataclass(frozen=True)
class Cached:
    """Tokens of a prompt that were read from the cache, and those written to it by how long they live (seconds)."""

    read: int = 0
    written: Mapping[int, int] = field(default_factory=dict[int, int])

    @property
    def written_tokens(self) -> int:
        """The tokens written, however long they live."""
        return sum(self.written.values())

    def within(self, tokens: int) -> "Cached":
        """Return the same of a prompt that has no more than so many tokens."""
        read = min(self.read, tokens)
        left = tokens - read
        written: dict[int, int] = {}
        for lives_s, count in self.written.items():
            written[lives_s] = min(count, left)
            left -= written[lives_s]
        return Cached(read, written)


@dataclass(frozen=True)
class Sent:
    """What is known of a request once it is answered; `kept` is how many of its tokens the cache was given."""

    settings: Mapping[str, str]
    parts: Sequence[str]
    digests: "array[int]"
    ends: "array[int]"
    kept: int


@dataclass(frozen=True)
class Divergence:
    """Where a request first differs from an earlier one: in a setting or a part of the prompt, after so many tokens.

    `kept` are the tokens that it would have read had it not differed.
    """

    at: str
    reusable: int
    kept: int

    def missed(self, read: int) -> int:
        """Return the tokens that it did not read for that, having read so many."""
        return max(0, self.kept - read)


class PromptCaches:
    """What simulated providers remember of prompts; `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ends: dict[int, tuple[float, int]] = {}
        self._sent: dict[tuple[str, str], Sent] = {}
        self._blocks = 0

    def meter(self, prompt: Prompt) -> Cached:
        """Return what of a prompt is read from the cache and written to it, and do so."""
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
        """Let a prefix live on: one that does for as long as it was written for, another for as long as is asked."""
        ends, lives_s = self._ends.pop(prefix.digest, (0.0, 0))
        lives_s = lives_s if ends > now else prefix.lives_s
        self._ends[prefix.digest] = now + lives_s, lives_s

    def _forget(self) -> None:
        while len(self._ends) > MOST_PREFIXES:
            del self._ends[next(iter(self._ends))]

    def sent(self, owner: str, reply_id: str) -> Sent | None:
        """Return what was sent by the request that was answered under an id; None where that is not known."""
        return self._sent.get((owner, reply_id))

    def remember(self, reply_id: str, prompt: Prompt) -> Sent:
        """Keep what a request sent under the id of its reply."""
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
    """Return where a request differs from one before it; None where it does not, or goes on from it.

    Where blocks of two parts stand in the same place, the part that is first in `order` has changed.
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
    """Yield blocks that end at each step, too."""
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
