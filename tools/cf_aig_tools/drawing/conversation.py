"""The conversation in a stored body, turn by turn, as data of bounded size."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic_core import to_json

from cf_aig_gateway.answers import Body as Opened
from cf_aig_gateway.errors import NotFound
from cf_aig_gateway.formats import Conversation, Turn
from cf_aig_gateway.formats.conversation import INSTRUCTIONS
from cf_aig_tools.reading.body import Body, outlined
from cf_aig_tools.reading.forms import form_of, opened
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.outline import outline_lines
from cf_aig_tools.reading.quoting import Quoting
from cf_aig_tools.reading.timeline import Timeline, are_invalid

RECENT = 384 * 1024
"""Bytes kept complete at the end of a body."""

LENGTHS = (40_000, 12_000, 4000, 1200, 300)
"""Maximum characters of a text, tried in turn. With the last, middle turns are left out, too."""

MOST_PARTS = 200
"""Maximum parts of one turn."""

MOST_NAMES = 60
"""Maximum tools and parameters."""

MOST_NOTES = 20

LARGE = 32 * 1024
"""The size in bytes from which a body's outline is included."""

OUTLINE = 200
"""Maximum lines of an outline."""

Data = dict[str, Any]


async def drawn_body(opening: AbstractAsyncContextManager[Opened], masker: Masker, most: int) -> Data:
    """Return a stored body's content in at most `most` bytes of JSON, or say that it isn't stored."""
    try:
        async with opening as stored:
            beginning, chunks = await opened(stored.chunks)
            form = form_of(beginning)
            held: Data = {"stored": True, "form": form, "note": stored.note or None}
            if form in ("json", "events"):
                held |= await outlined(chunks, form, RECENT, partial(_told, masker, most))
            return held
    except NotFound as error:
        return {"stored": False, "note": str(error)}
    except (ValueError, RecursionError):
        return {"stored": True, "form": "text"}


def _told(masker: Masker, most: int, body: Body) -> Data:
    quoting = Quoting(masker, body.gap)
    held = body.conversation()
    told: Data = {"size": body.size}
    if held is None or body.size > LARGE:
        lead, lines, count = outline_lines(body.value, quoting, OUTLINE)
        told["outline"] = {"lead": lead, "lines": lines, "left": max(0, count - len(lines))}
    if held is None:
        return told | {"broken": body.broken or None}
    told |= _around(held, quoting)
    return told | _turns(held.turns, quoting, most - len(to_json(told)))


def _around(held: Conversation, quoting: Quoting) -> Data:
    short = quoting.short
    rest = replace(held, parameters={}, tools=(), why="", error="", broken="", notes=())  # what no other field holds
    return {
        "kind": short(held.kind, 200),
        "lead": Timeline(rest, quoting, 2000).lead(),
        "model": short(held.model, 200) or None,
        "parameters": [
            [short(name, 80), short(value, 200)] for name, value in list(held.parameters.items())[:MOST_NAMES]
        ],
        "tools": [short(name, 80) for name in held.tools[:MOST_NAMES]],
        "finish": short(held.finish, 80) or None,
        "why": short(held.why, 200) or None,
        "error": short(held.error, 2000) or None,
        "broken": short(held.broken, 400) or None,
        "notes": [short(note, 400) for note in held.notes[:MOST_NOTES]],
    }


def _turns(turns: Sequence[Turn], quoting: Quoting, most: int) -> Data:
    """Return the turns, with texts as long as fits.

    If there are too many, return the system prompt and the last ones.
    """
    for longest in LENGTHS:
        if sum(min(size, longest + 200) for size in map(partial(_size, quoting), turns)) <= most:
            told = [_turn(number, turn, quoting, longest) for number, turn in enumerate(turns)]
            if len(to_json(told)) <= most:
                return {"turns": told, "turns_left": 0}
    return _some(turns, quoting, most)


def _some(turns: Sequence[Turn], quoting: Quoting, most: int) -> Data:
    first = [number for number, turn in enumerate(turns[:2]) if turn.role in INSTRUCTIONS]
    newest = (number for number in range(len(turns) - 1, -1, -1) if number not in first)
    told: dict[int, Data] = {}
    room = most
    for number in (*first, *newest):
        turn = _turn(number, turns[number], quoting, LENGTHS[-1])
        room -= len(to_json(turn)) + 1
        if room < 0:
            break
        told[number] = turn
    return {"turns": [told[number] for number in sorted(told)], "turns_left": len(turns) - len(told)}


def _size(quoting: Quoting, turn: Turn) -> int:
    """Return about how many bytes a turn takes."""
    texts = (turn.text, turn.reasoning, *(call.arguments for call in turn.calls), *(each.text for each in turn.results))
    return 120 + sum(60 + quoting.length(text) for text in texts)


def _turn(number: int, turn: Turn, quoting: Quoting, longest: int) -> Data:
    parts = list(_parts(turn, quoting, longest))
    return {
        "n": number,
        "role": quoting.short(turn.role, 40),
        "pointer": quoting.place(turn.pointer),
        "parts": parts[:MOST_PARTS],
        "parts_left": max(0, len(parts) - MOST_PARTS) or None,
        "refusal": turn.is_refusal or None,
    }


def _parts(turn: Turn, quoting: Quoting, longest: int) -> Iterator[Data]:
    def text(said: str) -> tuple[str, int]:
        return quoting.ends(said, longest)

    if turn.reasoning:
        said, left = text(turn.reasoning)
        yield {"kind": "reasoning", "text": said, "left": left}
    if turn.text:
        said, left = text(turn.text)
        yield {"kind": "text", "text": said, "left": left}
    for medium in turn.media:
        yield {"kind": "media", "text": quoting.short(medium, 200)}
    for call in turn.calls:
        said, left = text(call.arguments)
        name, id_ = quoting.short(call.name, 100), quoting.short(call.id, 100)
        invalid = are_invalid(call, quoting.gap) or None
        yield {"kind": "tool_call", "id": id_, "name": name, "arguments": said, "left": left, "invalid": invalid}
    for result in turn.results:
        said, left = text(result.text)
        yield {"kind": "tool_result", "id": quoting.short(result.id, 100), "text": said, "left": left}
    for citation in turn.citations:
        title, url, quote = (quoting.short(each, 300) for each in (citation.title, citation.url, citation.quote))
        yield {"kind": "citation", "title": title, "url": url, "quote": quote}
