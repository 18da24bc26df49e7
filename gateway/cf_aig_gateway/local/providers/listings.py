"""Providers' other endpoints: model lists and token counts."""

from dataclasses import replace
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.faults import not_emulated
from cf_aig_gateway.local.providers import anthropic_messages
from cf_aig_gateway.local.providers.answers import Answer, json_answer
from cf_aig_gateway.local.providers.wire import CREATED, Refused

CREATED_AT = "2026-01-01T00:00:00Z"


def models(call: Call) -> Answer:
    """List a provider's models, as Anthropic, Cohere or OpenAI does.

    Raises:
        Fault: they are unknown.

    """
    names = pricing.model_names(call.provider)
    if not names:
        raise not_emulated(f"list of {call.provider}'s models")
    if call.provider == "cohere":
        return json_answer(200, {"models": [{"name": name, "endpoints": ["chat"]} for name in names]})
    if call.provider == "anthropic":
        entries = [{"type": "model", "id": name, "display_name": name, "created_at": CREATED_AT} for name in names]
        return json_answer(200, {"data": entries, "has_more": False, "first_id": names[0], "last_id": names[-1]})
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": call.provider} for name in names]
    return json_answer(200, {"object": "list", "data": data})


def foundation_models(call: Call) -> Answer:
    """List a provider's models as Bedrock does."""
    names = [name for name in pricing.model_names(call.provider) if not name.startswith("regional.")]
    summaries = [
        {"modelId": name, "modelName": name, "providerName": name.partition(".")[0], "inputModalities": ["TEXT"]}
        for name in names
    ]
    return json_answer(200, {"modelSummaries": summaries})


def token_count(call: Call) -> Answer:
    """Count a prompt's tokens, as POST /v1/messages/count_tokens of Anthropic."""
    asked: dict[str, Any] = {"max_tokens": 1, **call.content} if call.content else {}
    try:
        question = anthropic_messages.read(replace(call, content=asked))
    except Refused as refused:
        return refused.answer
    return json_answer(200, {"input_tokens": question.prompt_tokens})
