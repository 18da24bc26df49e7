"""Simulated providers: deterministic, in the real providers' wire formats."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import anyio

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.faults import invalid_provider, not_emulated
from cf_aig_gateway.local.prompt_caches import PromptCaches
from cf_aig_gateway.local.providers import (
    anthropic_caching,
    anthropic_messages,
    bedrock_caching,
    bedrock_converse,
    bedrock_invoke,
    cohere,
    gemini,
    listings,
    llama_guard,
    openai_caching,
    openai_chat,
    openai_embeddings,
    openai_responses,
    workers_ai,
    workers_ai_chat,
)
from cf_aig_gateway.local.providers.answers import Answer, json_answer, stream_answer
from cf_aig_gateway.local.providers.replies import Reply, compose
from cf_aig_gateway.local.providers.scenarios import Question, scenario, told_to_call
from cf_aig_gateway.local.providers.wire import Refused, Wire
from cf_aig_gateway.prompt_caching import LEAST_OF
from cf_aig_gateway.providers import CUSTOM, WORKERS_AI


class Simulated:
    """The providers, with the prompt caches that they keep."""

    def __init__(self, caches: PromptCaches | None = None) -> None:
        self._caches = caches or PromptCaches()

    async def __call__(self, call: Call) -> Answer:
        """Answer a call as its provider would.

        Raises:
            Fault: the provider or its path isn't simulated.

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
        reply = self._metered(wire, call, question, compose(question, plan))
        if question.stream:
            events = wire.events(question, reply)
            return stream_answer(events, question.stream_type, breaks=plan.breaks, pace_s=plan.pace_s)
        return json_answer(200, wire.whole(question, reply))

    def _metered(self, wire: Wire, call: Call, question: Question, reply: Reply) -> Reply:
        """Return a reply with the prompt cache's figures. A prompt too short to cache costs no time."""
        meter = METERS.get(wire)
        if meter is None or (reply.tokens_in < SHORTEST and not ASKING & question.content.keys()):
            return reply
        signed = SIGNED.search(question.key)
        owner = "\0".join([call.account, question.provider, signed[1] if signed else question.key])
        return meter(self._caches, owner, question, reply)


def _listing(call: Call) -> Callable[[Call], Answer] | None:
    found = (listing for method, slugs, path, listing in LISTINGS if _fits(call, slugs, path) and call.method == method)
    return next(found, None)


def _wire(call: Call) -> Wire:
    """Return a provider's wire format at a path.

    Raises:
        Fault: it isn't simulated.

    """
    if call.provider.startswith(CUSTOM):
        raise invalid_provider()
    found = (wire for slugs, path, wire in WIRES if _fits(call, slugs, path))
    wire = next(found, None) if call.method == "POST" else None
    if call.request_type == "rest" and call.path == "messages":
        return anthropic_messages
    if wire is None:
        raise not_emulated(f"{call.provider}/{call.endpoint}"[:200])
    return wire


def _fits(call: Call, slugs: str, path: str) -> bool:
    return re.fullmatch(slugs, call.provider) is not None and re.fullmatch(path, call.path) is not None


GOOGLE = "google-ai-studio|google-vertex-ai"
AZURE = r"[\w-]+/(?:openai/)?(?:deployments/)?(?:[^/]+/)?"
OPENAIS = rf"(?!{WORKERS_AI}$|aws-bedrock$|azure-openai$|google-vertex-ai$).+"
"""Providers with OpenAI's API at OpenAI's paths."""

WIRES: tuple[tuple[str, str, Wire], ...] = (
    (WORKERS_AI, r"(run/)?@(cf|hf)/.+", workers_ai),
    (WORKERS_AI, "chat/completions", workers_ai_chat),
    ("anthropic", "messages", anthropic_messages),
    (GOOGLE, r"(?:.+/)?models/[^/]+:(generateContent|streamGenerateContent)", gemini),
    ("aws-bedrock", r"(.+/)?model/.+/converse(-stream)?", bedrock_converse),
    ("aws-bedrock", r"(.+/)?model/.+/invoke(-with-response-stream)?", bedrock_invoke),
    ("cohere", "chat", cohere),
    ("azure-openai", AZURE + "chat/completions", openai_chat),
    ("azure-openai", AZURE + "embeddings", openai_embeddings),
    ("azure-openai", AZURE + "responses", openai_responses),
    (OPENAIS, "chat/completions", openai_chat),
    (OPENAIS, "responses", openai_responses),
    (OPENAIS, "embeddings", openai_embeddings),
)
"""What is simulated, by provider and by the path below the version."""

METERS: Mapping[Wire, Callable[[PromptCaches, str, Question, Reply], Reply]] = {
    anthropic_messages: anthropic_caching.metered,
    bedrock_converse: bedrock_caching.metered,
    bedrock_invoke: anthropic_caching.metered,
    openai_chat: openai_caching.metered,
    openai_responses: openai_caching.metered,
}
"""Who caches prompts, and by what rules."""

SHORTEST = min(least for _, least in LEAST_OF)
"""The fewest tokens of a prompt that is cached."""

ASKING = {"diagnostics", "prompt_cache_options"}
"""Fields that request diagnostics, which cover short prompts too."""

SIGNED = re.compile(r"Credential=([^/,\s]+)")
"""Finds the signer in a signature, which is new for each request."""

LISTINGS: tuple[tuple[str, str, str, Callable[[Call], Answer]], ...] = (
    ("GET", GOOGLE, r"(?:.+/)?models(?:/[^/:]+)?", gemini.models),
    ("POST", GOOGLE, r"(?:.+/)?models/[^/]+:countTokens", gemini.token_count),
    ("POST", "anthropic", "messages/count_tokens", listings.token_count),
    ("GET", "aws-bedrock", r"(?:.+/)?foundation-models", listings.foundation_models),
    ("GET", "azure-openai", AZURE + "models", listings.models),
    ("GET", ".+", "models", listings.models),
    ("POST", WORKERS_AI, r"(run/)?@cf/meta/llama-guard.+", llama_guard.answer),
)
"""Other endpoints, by method, provider and path."""
