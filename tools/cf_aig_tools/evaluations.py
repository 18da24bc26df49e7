"""Recognizes logs of guardrails evaluations, which are not user calls."""

from cf_aig_gateway.models import Log

PROVIDER = "workers-ai"
MODELS = ("@cf/meta/llama-guard-3-8b",)
"""The models that evaluate, as named in logs and analytics."""

WHAT = "guardrails evaluation"
"""What rows and details call such a log."""


def is_evaluation(log: Log) -> bool:
    """Whether guardrails made this call to evaluate a prompt or reply of another call.

    Documented (developers.cloudflare.com/ai-gateway/features/guardrails, read 2026-11-28): guardrails evaluate with
    Llama Guard 3 8B on Workers AI, billed as Workers AI usage; a long text takes several evaluations; each logged
    request has an event id that links it to the logs of its evaluations.

    The docs do not say which field marks an evaluation, so it is inferred: a call to that model with an event id. A
    call without one is taken for a user call, because applications also moderate with this model. So is a later step of
    a call, which is a fallback.
    """
    return log.provider == PROVIDER and log.model in MODELS and bool(log.event_id) and not log.step
