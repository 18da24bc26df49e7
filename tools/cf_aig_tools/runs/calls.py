"""One call of a run: its log, and its messages without ids, cache marks and times."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cf_aig_gateway.formats.conversation import INSTRUCTIONS, Conversation, Turn
from cf_aig_gateway.formats.identity import Identity, identity
from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.models import Log
from cf_aig_tools.bodies import Stored
from cf_aig_tools.log_rows import when
from cf_aig_tools.reading.loading import PIECE
from cf_aig_tools.sessions import without_reminders

ASSISTANTS = {"assistant", "model", "chatbot"}

_TIME = re.compile(
    r"[0-9](?:\d{3}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|(?<=\b[0-9])\d?:\d\d(?::\d\d)?\b)"
)


@dataclass(frozen=True)
class Said:
    """One item in a message: a text, a tool call (`name` and arguments), or a result."""

    kind: str
    who: str
    text: str
    name: str = ""

    @cached_property
    def mark(self) -> int:
        """Its comparison key: the same regardless of ids, times and whitespace."""
        text = _arguments(self.text) if self.kind == "call" else wording(self.text)
        return hash((self.kind, self.who, self.name, text))


@dataclass(frozen=True)
class Call:
    """A log with its request, as `stored`, and its reply, if they were read."""

    log: Log
    start: datetime
    stored: Stored | None = None
    reply: Conversation | None = None
    reply_id: str = ""

    @property
    def id(self) -> str:
        """The log id."""
        return self.log.id

    @property
    def request(self) -> Conversation | None:
        """The parsed request."""
        return self.stored.held if self.stored else None

    @cached_property
    def ids(self) -> Identity:
        """The ids in its request."""
        return identity(self.stored.value) if self.stored else Identity()

    @property
    def session(self) -> str:
        """Its session, from its log or its request; empty if neither states one."""
        return self.log.session_id or self.ids.session

    @property
    def end(self) -> datetime:
        """When it ended."""
        return self.start + timedelta(milliseconds=self.log.duration or 0)

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return self.log.success is False

    @cached_property
    def said(self) -> tuple[Said, ...]:
        """The items in its messages, in order, without the instructions."""
        return tuple(said_in(self.request.turns)) if self.request else ()

    @cached_property
    def prefixes(self) -> tuple[int, ...]:
        """A number for each prefix of its messages; equal prefixes have equal numbers."""
        numbers = [0]
        for said in self.said:
            numbers.append(hash((numbers[-1], said.mark)))
        return tuple(numbers)

    def sent_before(self) -> float:
        """Return the approximate tokens of the request that this one continues: everything up to its last answer."""
        sizes = [len(said.text) for said in self.said]
        last = max((at for at, said in enumerate(self.said) if is_answer(said)), default=-1)
        while last > 0 and is_answer(self.said[last - 1]):
            last -= 1
        whole = len(self.instructions) + sum(sizes)
        return (self.log.tokens_in or 0) * (len(self.instructions) + sum(sizes[: max(0, last)])) / (whole or 1)

    @cached_property
    def answer(self) -> tuple[Said, ...]:
        """The items in its reply, if it was read."""
        return tuple(said_in(self.reply.turns, who="assistant")) if self.reply else ()

    @cached_property
    def instructions(self) -> str:
        """Its system prompt, without times."""
        return wording(self.request.instructions) if self.request else ""

    def answered(self, reply: Stored | None, reply_id: str = "") -> "Call":
        """Return the call with its reply."""
        return replace(self, reply=reply.held if reply else None, reply_id=reply_id)


def call_of(log: Log, request: Stored | None = None) -> Call:
    """Return a log as a call, with its request if it was read."""
    start = when(log) or datetime.min.replace(tzinfo=UTC)
    return Call(log, start, request)


def read_through(calls: Iterable[Call]) -> None:
    """Parse the messages of calls now and cache them; this is slow for large ones."""
    for call in calls:
        _ = call.prefixes, call.instructions, call.answer


def size_of(calls: Iterable[Call]) -> int:
    """Return the total bytes of the requests that were read."""
    return sum(call.stored.size for call in calls if call.stored)


def said_in(turns: Sequence[Turn], who: str = "") -> Iterator[Said]:
    """Yield the items of turns in order; reasoning is left out, because later requests may drop it."""
    for turn in turns:
        if turn.role in INSTRUCTIONS:
            continue
        speaker = who or ("assistant" if turn.role.lower() in ASSISTANTS else "user")
        yield from (Said("result", "", result.text) for result in turn.results)
        if wording(turn.text) or turn.media:
            yield Said("text", speaker, "\n".join([turn.text, *turn.media]))
        yield from (Said("call", "", call.arguments, call.name) for call in turn.calls)


def is_answer(said: Said) -> bool:
    """Whether a model said it."""
    return said.kind == "call" or said.who == "assistant"


def wording(text: str) -> str:
    """Return a text normalized for comparison: without reminders, times and repeated blanks."""
    parts = (" ".join(_TIME.sub("", part).split()) for part in _steps(without_reminders(text)))
    return " ".join(filter(None, parts))


def _steps(text: str) -> Iterator[str]:
    """Yield a text in parts that take a few milliseconds each, ending at a blank if possible."""
    start = 0
    while start < len(text):
        last = start + PIECE
        end = (text.rfind(" ", start, last) + 1 if last < len(text) else 0) or last
        yield text[start:end]
        start = end


def _arguments(text: str) -> str:
    value: Any = read_json(text)
    return wording(text if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False))
