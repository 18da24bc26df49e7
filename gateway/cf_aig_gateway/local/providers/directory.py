"""The providers that the gateway knows by name, from developers.cloudflare.com/ai-gateway/usage/providers."""

OPENAI_COMPATIBLE = {
    "openai": "https://api.openai.com/v1",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "cohere": "https://api.cohere.ai/compatibility/v1",
    "perplexity-ai": "https://api.perplexity.ai",
    "google-ai-studio": "https://generativelanguage.googleapis.com/v1beta/openai",
    "grok": "https://api.x.ai/v1",
    "deepseek": "https://api.deepseek.com",
    "cerebras": "https://api.cerebras.ai/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "anthropic": "https://api.anthropic.com/v1",
}
"""Where a chat in OpenAI's form goes, in live mode."""

NATIVE = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai",
    "cohere": "https://api.cohere.ai",
    "perplexity-ai": "https://api.perplexity.ai",
    "google-ai-studio": "https://generativelanguage.googleapis.com",
    "grok": "https://api.x.ai",
    "deepseek": "https://api.deepseek.com",
    "cerebras": "https://api.cerebras.ai/v1",
    "openrouter": "https://openrouter.ai/api",
    "huggingface": "https://api-inference.huggingface.co/models",
    "replicate": "https://api.replicate.com/v1",
    "cartesia": "https://api.cartesia.ai",
    "elevenlabs": "https://api.elevenlabs.io",
    "deepgram": "https://api.deepgram.com",
    "fal": "https://fal.run",
    "google-vertex-ai": "https://aiplatform.googleapis.com",
    "ideogram": "https://api.ideogram.ai",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "baseten": "https://inference.baseten.co/v1",
    "parallel": "https://api.parallel.ai",
}
"""Where a provider's own paths begin, in live mode."""

WORKERS_AI = "workers-ai"


CUSTOM = "custom-"
"""How the slug of a provider begins that has a URL by configuration alone."""


def knows(provider: str) -> bool:
    """Tell whether a slug is a provider of Cloudflare's list, or may be one of the configuration's."""
    return provider == WORKERS_AI or provider in NATIVE or provider.startswith(CUSTOM)
