"""Providers that answer on this machine: deterministic, in the real ones' wire formats."""

import re
from collections.abc import Callable
from dataclasses import replace

import anyio

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.faults import invalid_provider, not_emulated
from cf_aig_gateway.local.providers import (
    anthropic_messages,
    listings,
    openai_chat,
    openai_embeddings,
    openai_responses,
    workers_ai,
    workers_ai_chat,
)
from cf_aig_gateway.local.providers.answers import Answer, json_answer, stream_answer
from cf_aig_gateway.local.providers.directory import CUSTOM, NATIVE, WORKERS_AI
from cf_aig_gateway.local.providers.replies import compose
from cf_aig_gateway.local.providers.scenarios import scenario, told_to_call
from cf_aig_gateway.local.providers.wire import Refused, Wire

OPENAI_PATHS: dict[str, Wire] = {
    "chat/completions": openai_chat,
    "responses": openai_responses,
    "embeddings": openai_embeddings,
}
"""What is simulated of OpenAI's API, and of the providers that speak it."""


async def answer(call: Call) -> Answer:
    """Answer a call as its provider would.

    Raises:
        Fault: the provider or its path is not simulated.

    """
    if listing := _listing(call):
        return listing(call)
    wire = _wire(call)
    try:
        question = wire.read(call)
    except Refused as refused:
        return refused.answer
    plan = scenario(question)
    if plan.hangs:
        await anyio.sleep_forever()
    if plan.delay_s:
        await anyio.sleep(plan.delay_s)
    if plan.failure:
        return wire.refusal(plan.failure, question)
    if tool := told_to_call(question, plan.call):
        question = replace(question, tool=tool)
    reply = compose(question, plan)
    if question.stream:
        return stream_answer(wire.events(question, reply), breaks=plan.breaks, pace_s=plan.pace_s)
    return json_answer(200, wire.whole(question, reply))


def _listing(call: Call) -> Callable[[Call], Answer] | None:
    match call.method, call.path, call.provider:
        case "GET", "models", provider if provider in NATIVE:
            return listings.models
        case "POST", "messages/count_tokens", "anthropic":
            return listings.token_count
        case _:
            return None


def _wire(call: Call) -> Wire:
    path = call.path if call.method == "POST" else ""
    if call.provider.startswith(CUSTOM):
        raise invalid_provider()
    if call.provider == WORKERS_AI:
        if re.fullmatch(r"(run/)?@(cf|hf)/.+", path):
            return workers_ai
        if path == "chat/completions":
            return workers_ai_chat
    if path == "messages" and (call.provider == "anthropic" or call.request_type == "rest"):
        return anthropic_messages
    if path in OPENAI_PATHS and call.provider != WORKERS_AI:
        return OPENAI_PATHS[path]
    raise not_emulated(f"{call.provider}/{call.endpoint}"[:200])
