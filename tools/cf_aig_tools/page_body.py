"""A stored body as text for the page: as stored, as an outline, one part of it, or matches of a search."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.desk import Call, Desk, desk_of
from cf_aig_tools.drawing import drawn
from cf_aig_tools.parameters import GatewayId, LogId
from cf_aig_tools.reading import TOGETHER, unsplit
from cf_aig_tools.reading.body import Body, complete
from cf_aig_tools.reading.forms import Form, form_of, opened
from cf_aig_tools.reading.loading import written
from cf_aig_tools.reading.outline import outline_lines
from cf_aig_tools.reading.pointers import at
from cf_aig_tools.reading.quoting import Quoting
from cf_aig_tools.reading.raw import Window, fill
from cf_aig_tools.reading.search import exactly, matches
from cf_aig_tools.reading.threads import aside

ANNOTATIONS = ToolAnnotations(title="A stored body", read_only_hint=True, open_world_hint=True)

OUTLINE = 400
"""Maximum lines of an outline."""

MATCHES = 200
"""Maximum matches reported."""

Data = dict[str, Any]


async def page_body(
    ctx: Call,
    log_id: LogId,
    part: Literal["request", "response"] = "request",
    gateway_id: GatewayId = "",
    view: Literal["raw", "outline"] = "raw",
    pointer: str = "",
    search: str = "",
    offset: Annotated[int, Field(ge=0, description="Characters")] = 0,
    limit: Annotated[int, Field(ge=1, le=65_536, description="Characters")] = 32_768,
) -> CallToolResult:
    """Text of a stored body for the page: masked, hidden characters visible, from an offset on."""
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    opening = desk.gateway.request_body if part == "request" else desk.gateway.response_body
    async with opening(gateway, log_id) as stored:
        beginning, chunks = await opened(stored.chunks)
        form = form_of(beginning)
        if view == "outline" or pointer or search:
            body = await complete(chunks, form, desk.masker)
            found = await aside(body.size, partial(_selected, body, desk, view, pointer, search, Window(offset, limit)))
        else:
            found = await _stored(chunks, form, desk, Window(offset, limit))
    about = {"gateway_id": gateway, "log_id": log_id, "part": part, "view": view, "pointer": pointer, "form": form}
    return drawn({**about, "note": stored.note or None, **found})


async def _stored(chunks: AsyncIterator[bytes], form: Form, desk: Desk, window: Window) -> Data:
    held = await unsplit(chunks, form, desk.masker)
    if isinstance(held, str):
        window.add(held)
        return {**_text(window), "note": f"{TOGETHER}."}
    later = await fill(window, held, desk.masker, binary=form == "binary")
    return _text(window, later)


def _selected(body: Body, desk: Desk, view: str, pointer: str, search: str, window: Window) -> Data:
    quoting = Quoting(desk.masker)
    value = at(body.value, pointer)
    if search:
        texts = (value, desk.masker.mask(body.text)) if body.text and not pointer else (value,)
        found = matches(texts, exactly(search), pointer, quoting.whole)
        told = [each for each in found if each[2]][:MATCHES]
        return {
            "search": search,
            "count": len(found),
            "matches": [
                {"pointer": quoting.place(where), "offset": start, "around": text} for where, start, text in told
            ],
        }
    if view == "outline":
        lead, lines, count = outline_lines(value, quoting, OUTLINE, pointer)
        return {"lead": lead, "lines": lines, "left": max(0, count - len(lines))}
    window.add(quoting.whole(value if isinstance(value, str) else written(value)))
    return _text(window)


def _text(window: Window, later: int = 0) -> Data:
    """Return the text in a window, and how to read on.

    Raises:
        GatewayError: the text ends before that offset.

    """
    if window.total and not window.full and window.start >= window.total:
        raise GatewayError(f"It has {window.total:,} characters: use a smaller offset.")
    end, total = window.start + len(window.text), window.total + later
    return {
        "text": window.text,
        "offset": window.start,
        "end": end,
        "total": total,
        "next_offset": end if end < total else None,
    }
