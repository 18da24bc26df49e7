"""Sends a logged request again, with changes, once the caller has seen what will be sent."""

import hashlib
import io
import json
import time
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field, WithJsonSchema

from cf_aig_gateway import pricing
from cf_aig_gateway.chat import provider_and_name
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.json_text import load_json, mended
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import named, word
from cf_aig_gateway.resend import Resend, resend
from cf_aig_tools.amounts import dollars
from cf_aig_tools.chat_reply import ChatReply, chat_reply, reply_text
from cf_aig_tools.desk import Call, Desk, answer, desk_of
from cf_aig_tools.parameters import GatewayId, LogId
from cf_aig_tools.reading import Reading, read_body
from cf_aig_tools.reading.budget import cut, tokens
from cf_aig_tools.reading.forms import chunked
from cf_aig_tools.reading.loading import TooMany, load
from cf_aig_tools.reading.threads import SMALL, aside
from cf_aig_tools.replay_codes import LIFE_S, accepts, code_for

ANNOTATIONS = ToolAnnotations(
    title="Replay a log",
    read_only_hint=False,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)

SHOWN = 1200
"""Token limit for the request preview."""

SAMPLE = 64 * 1024
"""Bytes of a request used to estimate its tokens if its log has no count."""

AROUND = 400
"""Tokens for the text around it."""


class Replay(BaseModel):
    """The request that would be sent and the code that sends it; or, once sent, the reply."""

    summary: str | None = None
    request: str | None = None
    code: str | None = None
    reply: ChatReply | None = None
    next: str


async def replay_log(
    ctx: Call,
    log_id: LogId,
    gateway_id: GatewayId = "",
    model: Annotated[str, Field(description="Another model, as provider/model")] = "",
    parameters: Annotated[
        dict[str, Any],
        WithJsonSchema({"type": "object"}),
        Field(description='Changes to its body: {"temperature": 0}; null omits one'),
    ] = {},  # noqa: B006 (only read)
    code: Annotated[str, Field(description="From the previous call, with the same arguments: sends it")] = "",
) -> Annotated[CallToolResult, Replay]:
    """Sends a logged request again, optionally changed (it may cost money).

    The first call only shows what would be sent, the price, and a code; calling again with that code sends it.
    """
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    log = await desk.gateway.log(gateway, log_id)
    request, size = await _request(desk.gateway, gateway, log_id)
    held = await aside(size, partial(resend, log, request, model, dict(sorted(parameters.items()))))
    whole, digest = await aside(size, partial(_written, held.body))
    held = replace(held, controls=_controls(log), written=whole)
    shown = json.dumps([gateway, log_id, held.rest, held.provider, held.path]).encode() + digest
    if not code:
        made = code_for(shown, desk.secret, int(time.time()) + LIFE_S)
        return await _shown(desk, gateway, log, held, whole, made)
    if not accepts(code, shown, desk.secret, time.time()):
        raise GatewayError(
            f"This code is for a different replay or older than {LIFE_S // 60} minutes. Nothing was sent. "
            "Call without code to see what would be sent and get a new one."
        )
    reply = chat_reply(gateway, await desk.gateway.resend(gateway, held), desk.max_budget - AROUND, desk.masker)
    following = f"compare_logs with {named(log_id)} and {reply.log_id}" if reply.log_id else "list_logs"
    return answer(f"{reply_text(reply)}\nnext: {following}", Replay(reply=reply, next=following))


async def _request(gateway: AIGateway, gateway_id: str, log_id: str) -> tuple[Any, int]:
    """Return a stored request and its size in bytes."""
    async with gateway.request_body(gateway_id, log_id) as body:
        stored = b"".join([chunk async for chunk in body.chunks])
    try:
        return await aside(len(stored), partial(_read, stored)), len(stored)
    except TooMany as error:
        raise GatewayError(f"The stored request cannot be sent again because {error}.") from None
    except (ValueError, RecursionError):
        raise GatewayError("The stored request is not JSON, so it cannot be sent again.") from None


def _read(stored: bytes) -> Any:
    if len(stored) <= SMALL:
        return load_json(stored)
    return load(mended(stored).decode("utf-8"))


def _controls(log: Log) -> dict[str, str]:
    """Return the gateway headers: a tag with the original log id, and cache bypass."""
    return {"cf-aig-metadata": json.dumps({"replay_of": log.id}), "cf-aig-skip-cache": "true"}


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _written(body: Any) -> tuple[bytes, bytes]:
    """Return a body as JSON, and its digest; it is written part by part, so that other threads can run meanwhile."""
    text = io.StringIO()
    text.writelines(_ENCODER.iterencode(body))
    whole = text.getvalue().encode("utf-8", "surrogatepass")
    return whole, hashlib.sha256(whole).digest()


async def _shown(desk: Desk, gateway: str, log: Log, held: Resend, whole: bytes, code: str) -> CallToolResult:
    room = max(50, min(SHOWN, desk.max_budget - AROUND))
    view = await read_body(chunked(whole), Reading(budget=room), masker=desk.masker)
    model = word(cut(desk.masker.mask(held.full_model), 60))
    price = await aside(len(whole), partial(_price, log, held, whole))
    goes = f"{model} through {named(gateway)}: {len(whole):,} bytes, {price}"
    summary = f"Not sent yet. It would go to {goes}.\nNot included: {'; '.join(_lost(log, held))}."
    following = f"replay_log with the same arguments and this code, within {LIFE_S // 60} minutes"
    text = f"{summary}\n{view}\ncode: {code}\nnext: {following}"
    return answer(text, Replay(summary=summary, request=view, code=code, next=following))


def _price(log: Log, held: Resend, whole: bytes) -> str:
    sample = whole[:SAMPLE].decode(errors="replace")
    tokens_in = round(log.tokens_in or 0) or tokens(sample) * len(whole) // max(1, min(SAMPLE, len(whole)))
    tokens_out = round(log.tokens_out or 0) or _most_out(held)
    provider, name = provider_and_name(held.model) if held.rest else (held.provider, held.model)
    price = pricing.cost(provider, name, Usage(tokens_in, tokens_out))
    counted = f"about {tokens_in:,} tokens in and " + (f"{tokens_out:,} out" if tokens_out else "the reply")
    return f"{counted}, {'at an unknown price' if price is None else f'about {dollars(price)}'}"


def _most_out(held: Resend) -> int:
    bounds = (held.body.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
    return next((bound for bound in bounds if isinstance(bound, int)), 0)


def _lost(log: Log, held: Resend) -> list[str]:
    lost = ["the caller's headers (key, beta flags, cache and retry settings: not in logs)"]
    if held.universal:
        lost.append("the other steps of its universal request")
    if log.metadata:
        lost.append("its metadata (the new log has replay_of)")
    if log.cached:
        lost.append("the cached answer")
    return lost
