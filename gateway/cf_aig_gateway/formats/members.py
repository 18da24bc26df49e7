"""Names the members of a body that aren't read, so that a reader knows about them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cf_aig_gateway.formats.conversation import Conversation
from cf_aig_gateway.formats.format import Body, Format
from cf_aig_gateway.shapes import as_list, as_object, as_text

ROUTINE = frozenset(
    {
        "model",
        "tools",
        "functions",
        "usage",
        "id",
        "object",
        "created",
        "createdat",
        "type",
        "role",
        "index",
        "error",
        "cachecontrol",
    }
)
"""Members that most bodies have, and that are read or mean nothing."""

CACHE_MARKS = {"cache_control", "cachePoint"}
"""Members that say which part of a prompt the provider should cache."""

NOTHING: tuple[Any, ...] = (None, "", [], {})


def named(held: Conversation, body: Body, known: Format) -> Conversation:
    """Return a conversation with the names of members of its body that weren't read."""
    places = {turn.pointer.split("/")[1] for turn in held.turns if turn.pointer}
    echoes = {*map(_flat, known.echoes)} if held.is_reply else set[str]()
    read = {*ROUTINE, *echoes, *map(_flat, (*held.parameters, *places, *known.members))}
    inner = {*map(_flat, known.containers)} - echoes
    marks = _cache_marks(body)
    others = (*dict.fromkeys(_unread(body, read, inner)), *filter(None, [marks]))
    return replace(held, others=others, cache_marks=marks)


def _flat(name: str) -> str:
    """Return the same name for both spellings: `topP`, `top_p`."""
    return name.replace("_", "").lower()


def _unread(body: Body, read: set[str], inner: set[str]) -> Iterator[str]:
    for name, value in body.items():
        flat = _flat(name)
        if flat in inner:
            for held in map(as_object, as_list(value) or [value]):
                yield from _unread(held, read, inner)
        elif flat not in read and value not in NOTHING:
            yield name


def _cache_marks(body: Body) -> str:
    """Return `2 cache marks (ttl 1h)`: how many there are, and the times to live that they request."""
    marks: list[Body] = []
    waiting: list[Any] = [body]
    while waiting:
        value = waiting.pop()
        held = as_object(value)
        marks += [as_object(held[name]) for name in CACHE_MARKS & held.keys()]
        waiting += [inner for inner in as_list(value) or held.values() if isinstance(inner, dict | list)]
    lives = ", ".join(sorted({as_text(mark.get("ttl"))[:12] for mark in marks} - {""}))
    counted = f"{len(marks)} cache mark{'s' * (len(marks) > 1)}" if marks else ""
    return counted + (f" (ttl {lives})" if lives else "")
