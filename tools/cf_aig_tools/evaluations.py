"""Which logs are guardrails' own evaluations, and not calls of a user."""

from cf_aig_gateway.models import Log

PROVIDER = "workers-ai"
MODELS = ("@cf/meta/llama-guard-3-8b",)
"""The models that evaluate, as logs and analytics name them."""

WHAT = "guardrails evaluation"
"""What rows and details call such a log."""


def is_evaluation(log: Log) -> bool:
    """Whether guardrails made a call to evaluate a prompt or a reply of another call.

    Documented (developers.cloudflare.com/ai-gateway/features/guardrails, read 2026-11-28): guardrails evaluate with
    Llama Guard 3 8B on Workers AI, which is billed as usage of Workers AI; a long text takes several evaluations; each
    logged request has an event id that links it to the logs of its evaluations. Which field marks an evaluation is not
    documented, so this is inferred: a call of that model that has an event id. One without is taken for a user's own
    call, as applications also moderate with this model, and so is a later step of a call, which is a fallback.
    """
    return log.provider == PROVIDER and log.model in MODELS and bool(log.event_id) and not log.step
