"""Reads, masks and shows a stored body within a budget, whatever it contains."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from cf_aig_gateway.answers import Body as Opened
from cf_aig_gateway.formats import Conversation, Turn
from cf_aig_tools.failures import explain
from cf_aig_tools.reading.body import Body, complete, outlined
from cf_aig_tools.reading.budget import tokens
from cf_aig_tools.reading.forms import Form, chunked, form_of, opened
from cf_aig_tools.reading.loading import TooMany, written
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.outline import outline
from cf_aig_tools.reading.passing import Passing
from cf_aig_tools.reading.pointers import at
from cf_aig_tools.reading.quoting import Quoting
from cf_aig_tools.reading.raw import part, raw
from cf_aig_tools.reading.search import search
from cf_aig_tools.reading.threads import aside
from cf_aig_tools.reading.timeline import Timeline

View = Literal["", "conversation", "outline", "raw"]

RECENT = 32
"""Bytes per budget token that are kept whole at the end of a body."""

SURE_TO_FIT = 2
"""Minimum bytes per token for nearly any text: a body smaller than this is shown as stored."""


TOGETHER = "Its events split a secret; reassembled"

BROKE_OFF = "Broke off: "
"""How the note on a stream that ended early begins."""


@dataclass(frozen=True)
class Reading:
    """The requested part of a body: characters from `offset` (negative: from the end), and a token limit."""

    view: View = ""
    pointer: str = ""
    search: str = ""
    offset: int = 0
    limit: int = 0
    budget: int = 2000


async def read_body(chunks: AsyncIterator[bytes], asked: Reading, *, masker: Masker) -> str:
    """Return a body as text of at most `asked.budget` tokens.

    Raises:
        GatewayError: there is nothing at that offset or pointer.

    """
    opening, chunks = await opened(chunks)
    form = form_of(opening)
    if asked.pointer or asked.search:
        body = await complete(chunks, form, masker)
        return await aside(body.size, partial(_selected, body, asked, masker))
    by_offset = not asked.view and (asked.offset or asked.limit)
    if asked.view == "raw" or by_offset or form in {"text", "binary"}:
        return await _stored(chunks, form, asked, masker)
    passing = Passing(chunks, asked.budget)
    try:
        viewed = partial(_viewed, passing, asked, masker)
        return await outlined(passing, form, asked.budget * RECENT, viewed)
    except (ValueError, RecursionError) as error:
        why = f"Shown as stored because {error}: " if isinstance(error, TooMany) else "Unreadable JSON: "
        return passing.shown(asked.budget, masker, why)


async def read_stored(opening: AbstractAsyncContextManager[Opened], asked: Reading, masker: Masker) -> str:
    """Return a stored body as text, preceded by notes about it."""
    async with opening as stored:
        room = tokens(stored.note) + 2 if stored.note else 0
        told = await read_body(stored.chunks, replace(asked, budget=asked.budget - room), masker=masker)
    return f"{stored.note}\n{told}".lstrip()


async def whole_body(chunks: AsyncIterator[bytes]) -> Body:
    """Return an unmasked body; if it is not JSON, as one text."""
    opening, chunks = await opened(chunks)
    return await complete(chunks, form_of(opening), Masker(enabled=False))


async def reply_in(chunks: AsyncIterator[bytes]) -> Conversation | None:
    """Return a stored reply with its long texts shortened, or None if it cannot be read."""
    opening, chunks = await opened(chunks)
    try:
        return await outlined(chunks, form_of(opening), RECENT, Body.conversation)
    except (ValueError, RecursionError):
        return None


async def _stored(chunks: AsyncIterator[bytes], form: Form, asked: Reading, masker: Masker) -> str:
    """Show a body as stored. A stream whose events would reveal a secret in parts is reassembled."""
    stored = await unsplit(chunks, form, masker)
    if isinstance(stored, str):
        return part(stored, asked.offset, asked.limit, asked.budget, f"{TOGETHER}: ")
    return await raw(stored, asked.offset, asked.limit, asked.budget, masker, binary=form == "binary")


async def unsplit(chunks: AsyncIterator[bytes], form: Form, masker: Masker) -> AsyncIterator[bytes] | str:
    """Return what is stored; of a stream whose events hold a secret in parts, what it says, masked and visible."""
    if form != "events" or not masker.enabled:
        return chunks
    body = await complete(chunks, form, masker)
    if body.text:
        return chunked(body.text.encode("utf-8", "surrogateescape"))
    return await aside(body.size, lambda: Quoting(masker).whole(written(body.value)))


def _viewed(passing: Passing, asked: Reading, masker: Masker, body: Body) -> str:
    quoting = Quoting(masker, body.gap)
    if asked.view == "outline":
        return outline(body.value, quoting, asked.budget)
    held = body.conversation()
    fits = passing.size <= asked.budget * SURE_TO_FIT
    if held and not (held.error and not held.turns and fits):
        return Timeline(held, quoting, asked.budget).text()
    if fits or body.broken:
        return passing.shown(asked.budget, masker, _before(body, held))
    return outline(body.value, quoting, asked.budget)


def _before(body: Body, held: Conversation | None) -> str:
    """Describe a body that is shown as stored."""
    failure = explain(None, body.value, None) if held else None
    error = f"Error, {failure.kind}: " if failure else "Error: " if held else ""
    return f"{body.broken}\n".lstrip() + error


def _selected(body: Body, asked: Reading, masker: Masker) -> str:
    quoting = Quoting(masker)
    value = at(body.value, asked.pointer)
    if asked.search:
        texts = (value, masker.mask(body.text)) if body.text and not asked.pointer else (value,)
        return search(texts, asked.search, asked.pointer, quoting.whole, asked.budget)
    if asked.view == "outline":
        return outline(value, quoting, asked.budget, asked.pointer)
    text = value if isinstance(value, str) else written(value)
    if asked.view != "raw" and (turn := _turn_at(body, asked.pointer)):
        text = turn.written()
    return part(quoting.whole(text), asked.offset, asked.limit, asked.budget, "")


def _turn_at(body: Body, pointer: str) -> Turn | None:
    """Return the turn at a pointer, if there is one."""
    held = body.conversation() if pointer else None
    return next((turn for turn in held.turns if turn.pointer == pointer), None) if held else None
