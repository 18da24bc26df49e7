"""What a gateway answers a chat with, whole or as a stream."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2

from cf_aig_gateway.assembly import Assembly
from cf_aig_gateway.chat import Wire, provider_and_name
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.events import Events
from cf_aig_gateway.refusals import Errand, reason, refusal
from cf_aig_gateway.shapes import as_list, as_object, as_text

Grown = Callable[[int], None]
"""Told how many events of a streamed reply have come."""


@dataclass(frozen=True)
class Reply:
    """What came back (duration in milliseconds, as seen from here). `log_id` is None when nothing was logged."""

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


async def assembled(response: httpx2.Response, grown: Grown | None) -> dict[str, Any]:
    """Return the reply that a stream carried.

    Raises:
        GatewayError: it broke off, or ended in an error.

    """
    events, assembly = Events(), Assembly()
    with suppress(httpx2.TransportError):  # what has come tells whether it is whole
        async for chunk in response.aiter_bytes():
            for event in events.add(chunk):
                assembly.add(event)
            if grown:
                grown(events.ending.events)
    for event in events.end():
        assembly.add(event)
    if assembly.error is None and (assembly.finished or events.ending.done):
        return assembly.reply()
    how = "broke off" if assembly.error is None else "ended in an error"
    raise GatewayError(
        f"The reply {how} after {events.ending.events} events. "
        f"Next: get_log_response_body with log {response.headers.get('cf-aig-log-id', '(none)')}."
    )


def parse_reply(wire: Wire, response: httpx2.Response, body: dict[str, Any], duration: int, errand: Errand) -> Reply:
    """Read what a gateway answered a chat with: `body` is its JSON, or what its stream put together.

    Raises:
        GatewayError: the gateway or the provider refused it, or the answer is no chat reply.

    """
    headers = response.headers
    log_id = headers.get("cf-aig-log-id")
    if not response.is_success or not body or body.get("success") is False:
        raise _refused(wire, response, log_id, errand)
    result = as_object(body.get("result")) or body
    choice = as_object(next(iter(as_list(result.get("choices"))), None))
    message = as_object(choice.get("message")) or _outputs(result) or result
    usage = as_object(result.get("usage"))
    step = headers.get("cf-aig-step") or ""
    answered = dict(zip(map(str, range(len(wire.models))), wire.models, strict=True)).get(step, wire.models[0])
    return Reply(
        text=_text(message),
        tool_calls=as_list(message.get("tool_calls")) or _tool_uses(message),
        finish_reason=choice.get("finish_reason") or result.get("stop_reason") or result.get("status"),
        provider=headers.get("cf-aig-provider") or provider_and_name(answered)[0] or None,
        model=headers.get("cf-aig-model") or as_text(result.get("model")) or answered,
        tokens_in=usage.get("prompt_tokens", usage.get("input_tokens")),
        tokens_out=usage.get("completion_tokens", usage.get("output_tokens")),
        duration=duration,
        log_id=log_id,
        cache_status=headers.get("cf-aig-cache-status"),
        step=step or None,
    )


def _outputs(result: dict[str, Any]) -> dict[str, Any]:
    """Return the output items of OpenAI's responses as one message; nothing where there are none."""
    items = [as_object(item) for item in as_list(result.get("output"))]
    parts = [part for item in items for part in as_list(item.get("content"))]
    calls = [item for item in items if item.get("type") == "function_call"]
    return {"content": parts, "tool_calls": calls} if items else {}


def _text(message: dict[str, Any]) -> str:
    """Return the text of an OpenAI message, an Anthropic message or a Workers AI result."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(as_text(as_object(part).get("text")) for part in as_list(content))
    return as_text(content) or as_text(message.get("response")) or as_text(message.get("refusal"))


def _tool_uses(message: dict[str, Any]) -> list[Any]:
    return [part for part in as_list(message.get("content")) if as_object(part).get("type") == "tool_use"]


def _refused(wire: Wire, response: httpx2.Response, log_id: str | None, errand: Errand) -> GatewayError:
    code, words = reason(response)
    status = response.status_code
    followed = f"Next: get_log_details with log {log_id}." if log_id else "Nothing was logged under an id."
    if advice := _GATEWAY_ADVICE.get(code or 0):
        message = f"{advice.format(model=wire.models[0])} (HTTP {status}, code {code}: {words})"
    elif code in PERMISSION or status < 400:
        message = str(refusal(response, errand))
    else:
        message = f"{wire.models[0]} answered HTTP {status}: {words or 'no reason given'}"
    return GatewayError(f"{message.removesuffix('.')}. {followed}", status=status, code=code)


PERMISSION = {9109, 10000}
"""Codes of the management API's front door for a token that is wrong, or may not do this."""

_GATEWAY_ADVICE = {
    2001: "The gateway may not exist: list_gateways shows those that do.",
    2003: "The gateway's own rate limit was hit: list_gateways shows it. Try again when its window has passed.",
    2005: "The provider gave no usable answer. Try again in a moment.",
    2008: "No provider goes by that name. Write the model as provider/model, as openai/gpt-4o-mini.",
    2009: "The gateway asks for its own token: set CF_AIG_TOKEN to one with AI Gateway Run.",
    2021: "The account is out of credit: add some, or set a provider key.",
    7003: "No model {model}: on endpoint=rest it is author/model, Claude's dotted, as anthropic/claude-haiku-4.5.",
}
"""By the gateway's codes: developers.cloudflare.com/ai-gateway, and third parties' captures (read 2026-11-22)."""
