"""A gateway's guardrails: Llama Guard evaluates each text, in a separate log with the call's event id.

Source: developers.cloudflare.com/ai-gateway/features/guardrails, read 2026-11-28. Undocumented, and chosen here: the
model gets only the text, and its log has neither the caller's metadata nor a user agent. Streamed replies aren't
evaluated here; Cloudflare holds them back until they are complete.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from cf_aig_gateway import formats
from cf_aig_gateway.json_text import read_json, write_json
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.exchange import Exchange
from cf_aig_gateway.local.faults import Fault
from cf_aig_gateway.local.usage import usage_of_body
from cf_aig_gateway.providers import WORKERS_AI
from cf_aig_gateway.shapes import as_object, as_text

MODEL = "@cf/meta/llama-guard-3-8b"

Side = Literal["prompt", "response"]
REFUSALS: Mapping[Side, tuple[int, str]] = {
    "prompt": (2016, "Prompt blocked due to security configurations"),
    "response": (2017, "Response blocked due to security configurations"),
}


async def check_prompt(exchange: Exchange) -> None:
    """Evaluate the user's last message.

    Raises:
        Fault: a rule blocks it.

    """
    asked = formats.read(dict(exchange.call.content)) if _rules(exchange, "prompt") else None
    said = (turn.text for turn in reversed(asked.turns if asked else ()) if turn.role == "user")
    await _check(exchange, "prompt", next(said, ""))


async def check_reply(exchange: Exchange, body: bytes) -> None:
    """Evaluate a complete reply.

    Raises:
        Fault: a rule blocks it.

    """
    reply = formats.read(formats.result_of(read_json(body))) if _rules(exchange, "response") else None
    await _check(exchange, "response", "\n".join(turn.text for turn in (reply.turns if reply else ()) if turn.text))


def _rules(exchange: Exchange, side: Side) -> dict[str, Any]:
    """Return the action for each category of hazard: FLAG or BLOCK."""
    return as_object(as_object(exchange.setting.settings.get("guardrails")).get(side))


async def _check(exchange: Exchange, side: Side, text: str) -> None:
    rules = _rules(exchange, side)
    if not rules or not text:
        return
    exchange.event = exchange.event or exchange.id
    verdict = await _evaluated(exchange, side, text)
    found = verdict.partition("\n")[2].split(",")
    if any(rules.get(category) == "BLOCK" for category in found):
        code, message = REFUSALS[side]
        raise Fault(code, 424, message)


async def _evaluated(exchange: Exchange, side: Side, text: str) -> str:
    """Return the model's verdict on a text, and log that call."""
    from cf_aig_gateway.local.providers import llama_guard  # noqa: PLC0415 (few gateways have guardrails)

    role = "user" if side == "prompt" else "assistant"
    content = {"messages": [{"role": role, "content": text}]}
    sent = write_json(content)
    call = Call(provider=WORKERS_AI, endpoint=f"run/{MODEL}", body=sent, logged=sent, content=content)
    setting = replace(exchange.setting, path=f"{WORKERS_AI}/{MODEL}", user_agent="")
    controls = replace(exchange.controls, metadata=None, custom_cost={})
    evaluation = Exchange(setting, call, controls, event=exchange.event)
    answer = llama_guard.answer(call)
    body = await answer.whole()
    await evaluation.log(answer.status, body, answer.content_type, usage_of_body(WORKERS_AI, body))
    return as_text(as_object(as_object(read_json(body)).get("result")).get("response"))
