"""The providers that AI Gateway knows by name.

developers.cloudflare.com/ai-gateway/usage/providers, read 2026-11-27.
"""

import re
from dataclasses import dataclass

from cf_aig_gateway import formats
from cf_aig_gateway.formats import anthropic_messages, bedrock_converse, cohere, gemini, openai_chat, workers_ai
from cf_aig_gateway.formats.format import Format

WORKERS_AI = "workers-ai"

CUSTOM = "custom-"
"""The slug prefix of providers whose URL comes only from configuration."""


@dataclass(frozen=True)
class Provider:
    """One provider. An empty value means unknown or not applicable.

    `url` is the base of its own paths; `chat_url`, of chats in OpenAI's format. `chat_path` is the path of its own chat
    API for a `{model}`, in `format`. `vendor` is its name in genai-prices; `author`, in the REST API's model names.
    `route` maps a path's beginning to the URL that replaces it, if paths name the host. `model_in_path` finds the model
    in a path where no format expects it; with `names_are_callers`, that is a deployment's name.
    """

    slug: str
    url: str = ""
    chat_url: str = ""
    chat_path: str = ""
    format: Format = openai_chat.FORMAT
    vendor: str = ""
    author: str = ""
    route: tuple[tuple[str, str], ...] = ()
    model_in_path: str = ""
    names_are_callers: bool = False

    def own_name(self, name: str) -> str:
        """Return its own name for a model: from `resource/deployment`, the latter."""
        return name.rpartition("/")[2] if self.names_are_callers else name

    def url_of(self, path: str) -> str:
        """Return the URL of one of its own paths; empty if unknown."""
        for shape, url in self.route:
            if found := re.match(shape, path):
                return found.expand(url) + path[found.end() :]
        return f"{self.url}/{path}" if self.url else ""

    def model_of(self, path: str) -> str:
        """Return the model in one of its paths; empty if there isn't one."""
        found = re.search(self.model_in_path, path) if self.model_in_path else None
        return found["model"] if found else formats.model_in_path(path)


_ROWS = (
    Provider(
        "openai", "https://api.openai.com/v1", "https://api.openai.com/v1", "chat/completions",
    ),
    Provider(
        "anthropic", "https://api.anthropic.com", "https://api.anthropic.com/v1", "v1/messages",
        format=anthropic_messages.FORMAT,
    ),
    Provider(
        "google-ai-studio", "https://generativelanguage.googleapis.com",
        "https://generativelanguage.googleapis.com/v1beta/openai", "v1beta/models/{model}:generateContent",
        format=gemini.FORMAT, vendor="google", author="google",
    ),
    Provider(
        "google-vertex-ai", "https://aiplatform.googleapis.com", vendor="google",
        route=(
            (r"(v\w+/projects/[^/]+/locations/)((?!global/)[a-z0-9-]+)/", r"https://\2-aiplatform.googleapis.com/\1\2/"),
        ),
    ),
    Provider(
        "aws-bedrock", chat_path="bedrock-runtime/us-east-1/model/{model}/converse",
        format=bedrock_converse.FORMAT, vendor="aws",
        route=(
            (r"bedrock-mantle/([a-z0-9-]+)/", r"https://bedrock-mantle.\1.api.aws/"),
            (r"(bedrock[a-z-]*)/([a-z0-9-]+)/", r"https://\1.\2.amazonaws.com/"),
        ),
    ),
    Provider(
        "azure-openai", chat_path="{model}/chat/completions", vendor="azure", names_are_callers=True,
        route=(
            (r"([\w-]+)/openai/", r"https://\1.openai.azure.com/openai/"),
            (r"([\w-]+)/([^/]+)/", r"https://\1.openai.azure.com/openai/deployments/\2/"),
        ),
        model_in_path=r"^[\w-]+/(?:openai/deployments/)?(?P<model>(?!openai/)[^/]+)/",
    ),
    Provider(
        "cohere", "https://api.cohere.ai", "https://api.cohere.ai/compatibility/v1", "v2/chat", format=cohere.FORMAT,
    ),
    Provider(WORKERS_AI, chat_path="{model}", format=workers_ai.FORMAT, vendor="cloudflare"),
    Provider("mistral", "https://api.mistral.ai", "https://api.mistral.ai/v1", "v1/chat/completions"),
    Provider("grok", "https://api.x.ai", "https://api.x.ai/v1", "v1/chat/completions", vendor="x-ai", author="xai"),
    Provider("openrouter", "https://openrouter.ai/api", "https://openrouter.ai/api/v1", "v1/chat/completions"),
    Provider("groq", "https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1", "chat/completions"),
    Provider("cerebras", "https://api.cerebras.ai/v1", "https://api.cerebras.ai/v1", "chat/completions"),
    Provider("deepseek", "https://api.deepseek.com", "https://api.deepseek.com", "chat/completions"),
    Provider(
        "perplexity-ai", "https://api.perplexity.ai", "https://api.perplexity.ai", "chat/completions",
        vendor="perplexity",
    ),
    Provider("baseten", "https://inference.baseten.co/v1"),
    Provider("cartesia", "https://api.cartesia.ai"),
    Provider("deepgram", "https://api.deepgram.com"),
    Provider("elevenlabs", "https://api.elevenlabs.io"),
    Provider("fal", "https://fal.run"),
    Provider("fireworks", "https://api.fireworks.ai/inference/v1"),
    Provider("huggingface", "https://api-inference.huggingface.co/models"),
    Provider("ideogram", "https://api.ideogram.ai"),
    Provider("parallel", "https://api.parallel.ai"),
    Provider("replicate", "https://api.replicate.com/v1"),
)  # fmt: skip

PROVIDERS = {provider.slug: provider for provider in _ROWS}
"""By slug."""

AUTHORS = {provider.author: provider.slug for provider in _ROWS if provider.author}
"""Slugs by the author's name in the REST API, where the two differ."""


def provider_of(slug: str) -> Provider:
    """Return a provider. One that isn't listed has only its slug."""
    return PROVIDERS.get(slug) or Provider(slug)


def is_provider(slug: str) -> bool:
    """Whether a slug is on Cloudflare's list of providers, or may be a configured one."""
    return slug in PROVIDERS or slug.startswith(CUSTOM)
