"""What a wire format consists of."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cf_aig_gateway.formats.content import Gap
from cf_aig_gateway.formats.conversation import Conversation
from cf_aig_gateway.formats.errors import Said
from cf_aig_gateway.formats.growth import grown
from cf_aig_gateway.formats.usage import Usage

Body = dict[str, Any]
Test = Callable[[Body], bool]
Read = Callable[[Body, Gap], Conversation]


class Assembly:
    """The reply of one stream as it grows, in the form of a whole reply."""

    expects_done = False
    """Whether the stream ends with `[DONE]`."""

    def __init__(self) -> None:
        self.held: Body = {}
        self.finished = False

    def add(self, event: Body) -> None:
        """Take the next event."""
        raise NotImplementedError

    def reply(self) -> Body:
        """Return what has arrived."""
        return grown(self.held)


def _never(_: Body) -> bool:
    return False


def _nothing(_: Body, __: Gap) -> Conversation:
    return Conversation("unknown")


def _unknown(_: Body) -> Usage:
    return Usage()


def _silent(_: Body) -> Said | None:
    return None


@dataclass(frozen=True)
class Format:
    """One wire format: how to recognize and read its requests, its replies, and the events of its streams.

    `usage` reads the tokens that a reply states; `flavors` are genai-prices' names for that. `said` reads an error body
    that only this format has. `model_in_path` finds the model if the body lacks it. `members` are the names of members
    read outside turns and parameters; `containers`, of those that contain others; `echoes`, of those that a reply
    repeats from its request. `ends` are the first bytes of a stream's last event on the wire; `array`, of a stream that
    is one JSON array, as `array_path` returns it.
    """

    name: str
    is_request: Test = _never
    request: Read = _nothing
    is_reply: Test = _never
    reply: Read = _nothing
    is_event: Test = _never
    assembly: Callable[[], Assembly] | None = None
    usage: Callable[[Body], Usage] = _unknown
    flavors: tuple[str, ...] = ()
    said: Callable[[Body], Said | None] = _silent
    model_in_path: re.Pattern[str] | None = None
    members: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    echoes: tuple[str, ...] = ()
    ends: tuple[bytes, ...] = ()
    array: re.Pattern[bytes] | None = None
    array_path: re.Pattern[str] | None = None
    chat: Callable[[str, list[Body], Mapping[str, Any]], Body] | None = None
    """Writes OpenAI's messages and parameters in this format; None if nothing is ever sent in it."""
    streamed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Members that make a reply stream, with its usage; empty if the path does that."""
