"""A gateway's reply to a chat, whole or streamed."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from cf_aig_gateway import formats
from cf_aig_gateway.answers import MAX_ANSWER, bounded
from cf_aig_gateway.chat import Wire, provider_and_name
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats.conversation import ToolCall
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.one_line import named, quoted, word
from cf_aig_gateway.refusals import MAX_WORDS, Errand, is_doubtful, reason, refusal

Grown = Callable[[int], None]
"""Called with the number of events of a streamed reply so far."""


@dataclass(frozen=True)
class Reply:
    """A reply (duration in milliseconds, as seen from here). `log_id` is None if nothing was logged.

    A tool call is `{id, name, arguments}`, whatever the provider's form. `routing` is why a router chose the model.
    Everything except `text` and arguments is a single word.
    """

    text: str
    tool_calls: list[Any]
    finish_reason: str | None
    provider: str | None
    model: str
    tokens_in: int | None
    tokens_out: int | None
    duration: int
    log_id: str | None
    cache_status: str | None
    step: str | None
    routing: str | None = None
    usage: Usage = field(default_factory=Usage)


async def assembled(response: httpx2.Response, grown: Grown | None, errand: Errand) -> dict[str, Any]:
    """Return the reply from a stream.

    Raises:
        GatewayError: it broke off, or ended in an error.

    """
    stream = formats.stream()
    with suppress(httpx2.TransportError):  # the content shows whether it is complete
        async for chunk in bounded(response, MAX_ANSWER, errand.doubt):
            stream.add(chunk)
            if grown:
                grown(stream.events)
    stream.end()
    if stream.has_ended:
        return stream.reply()
    how = "ended in an error" if stream.error else "broke off"
    log_id = response.headers.get("cf-aig-log-id")
    following = f"Next: get_log_response_body with log {named(log_id)}." if log_id else errand.doubt
    raise GatewayError(f"The reply {how} after {stream.events} events. {following}")


def parse_reply(wire: Wire, response: httpx2.Response, body: dict[str, Any], duration: int, errand: Errand) -> Reply:
    """Read a gateway's reply to a chat. `body` is its JSON, or the reply assembled from its stream.

    Raises:
        GatewayError: the gateway or the provider refused it, or the answer isn't a chat reply.

    """
    headers = {name: word(value) for name, value in response.headers.items()}
    log_id = headers.get("cf-aig-log-id")
    if not response.is_success or not body or body.get("success") is False:
        raise _refused(wire, response, log_id, errand)
    said = formats.read(body)
    if said is None or not said.is_reply:
        raise _no_reply(wire, said, log_id, errand)
    step = headers.get("cf-aig-step") or ""
    answered = dict(zip(map(str, range(len(wire.models))), wire.models, strict=True)).get(step, wire.models[0])
    return Reply(
        text="\n".join(turn.text for turn in said.turns if turn.text and turn.role != "sources"),
        tool_calls=[_call(call) for turn in said.turns for call in turn.calls],
        finish_reason=word(said.finish) or None,
        provider=headers.get("cf-aig-provider") or provider_and_name(answered)[0] or None,
        model=headers.get("cf-aig-model") or headers.get("cf-aig-routed-model") or word(said.model) or answered,
        tokens_in=said.usage.tokens_in,
        tokens_out=said.usage.tokens_out,
        duration=duration,
        log_id=log_id,
        cache_status=headers.get("cf-aig-cache-status"),
        step=step or None,
        routing=headers.get("cf-aig-routing-reason"),
        usage=said.usage,
    )


def _call(call: ToolCall) -> dict[str, str]:
    return {"id": word(call.id), "name": word(call.name), "arguments": call.arguments}


def _no_reply(wire: Wire, said: formats.Conversation | None, log_id: str | None, errand: Errand) -> GatewayError:
    """Return the error for a success without a chat reply."""
    why = f": {quoted(said.error, MAX_WORDS)}" if said and said.error else ""
    answered = f"{named(wire.models[0])} returned HTTP 200 but no chat reply{why}."
    return GatewayError(f"{answered} {_followed(log_id, 200, errand)}")


def _followed(log_id: str | None, status: int, errand: Errand) -> str:
    if log_id:
        return f"Next: get_log_details with log {named(log_id)}."
    return errand.doubt if is_doubtful(status) else "The response had no log id."


def _refused(wire: Wire, response: httpx2.Response, log_id: str | None, errand: Errand) -> GatewayError:
    code, words = reason(response)
    status, model = response.status_code, named(wire.models[0])
    said = quoted(words, MAX_WORDS) if words else "no reason given"
    if advice := _GATEWAY_ADVICE.get(code or 0):
        message = f"{advice.format(model=model)} (HTTP {status}, code {code}: {said})"
    elif code in PERMISSION or status < 400:
        message = str(refusal(response, replace(errand, doubt="")))
    else:
        message = f"{model} returned HTTP {status}: {said}"
    return GatewayError(f"{message.removesuffix('.')}. {_followed(log_id, status, errand)}", status=status, code=code)


PERMISSION = {9109, 10000}
"""Codes of the management API's front door for a token that is wrong or lacks permission."""

_GATEWAY_ADVICE = {
    2001: "The gateway may not exist: list_gateways shows those that do.",
    2003: "The gateway's own rate limit was hit: list_gateways shows it. Try again after its window has passed.",
    2005: "The provider gave no usable response. Try again in a moment.",
    2008: "No provider has that name. Write the model as provider/model, such as openai/gpt-4o-mini.",
    2009: "The gateway asks for its own token (set CF_AIG_TOKEN to one with AI Gateway Run) or, on endpoint=rest, the "
    "provider rejected its key.",
    2021: "The account is out of credit: add some, or set a provider key.",
    7003: "No model {model}: on endpoint=rest use author/model, with dots for Claude, such as "
    "anthropic/claude-haiku-4.5.",
}
"""By the gateway's codes: developers.cloudflare.com/ai-gateway, and third parties' captures (read 2026-11-22)."""
