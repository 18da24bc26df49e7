"""What a wire format of a simulated provider consists of."""

import hashlib
from collections.abc import Iterable
from typing import Any, Protocol

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers.answers import Answer
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question

CREATED = 1_767_225_600
"""The creation time of every simulated reply: the start of 2026, so that replies are the same each time."""


class Refused(Exception):
    """A provider refuses a request without reading further."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Wire(Protocol):
    """How one API is simulated. Modules implement this protocol."""

    def read(self, call: Call) -> Question:
        """Return the question. Raise `Refused` if a required field is missing or wrong."""
        ...

    def refusal(self, failure: str, question: Question) -> Answer:
        """Return the provider's own body for a failure."""
        ...

    def whole(self, question: Question, reply: Reply) -> Any:
        """Return a reply as one JSON body."""
        ...

    def events(self, question: Question, reply: Reply) -> Iterable[bytes]:
        """Return a reply as the events of a stream."""
        ...


def reply_id(prefix: str, question: Question) -> str:
    """Return the id of a reply, the same for the same question."""
    asked = f"{question.model}\n{question.prompt}"
    return prefix + hashlib.sha256(asked.encode(errors="replace")).hexdigest()[:24]


def bearer(call: Call) -> str:
    """Return the key that a call carries as a bearer token, or as Azure's `api-key`."""
    return call.headers.get("authorization", "").removeprefix("Bearer ") or call.headers.get("api-key", "")


def as_whole_number(value: Any) -> int | None:
    """Return a positive whole number, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
