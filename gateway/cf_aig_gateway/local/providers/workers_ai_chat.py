"""Workers AI's chat completions, simulated: OpenAI's replies, its own errors."""

from cf_aig_gateway.local.providers.openai_chat import events, read, whole
from cf_aig_gateway.local.providers.workers_ai import refusal

__all__ = ["events", "read", "refusal", "whole"]
