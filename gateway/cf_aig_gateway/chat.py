"""A chat on its way through a gateway: how each endpoint wants it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats import openai_chat
from cf_aig_gateway.providers import PROVIDERS, provider_of

Endpoint = Literal["rest", "compat", "provider"]

ROUTED = ("dynamic/", "cloudflare/auto")
"""Names that stand for many models and that only the compat endpoint serves; `custom/…`, an alias, goes to REST.

Source: developers.cloudflare.com/ai-gateway/features/dynamic-routing, read 2026-11-27.
"""

ANTHROPIC_VERSION = "2023-06-01"


@dataclass(frozen=True)
class Chat:
    """What to send: messages in OpenAI's form, parameters by the provider's names, `cf-aig-*` headers as controls.

    With `fallbacks`, tried in order when a model fails, it goes to the universal endpoint, whatever `endpoint` says.
    """

    model: str
    messages: list[dict[str, Any]]
    endpoint: Endpoint = "rest"
    fallbacks: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    controls: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def models(self) -> tuple[str, ...]:
        """The models in the order in which they are tried."""
        return (self.model, *self.fallbacks)


@dataclass(frozen=True)
class Wire:
    """One HTTP request: a path below the management host (`rest`) or below the gateway on the data plane.

    `models` are those that may answer, in the order of `cf-aig-step`.
    """

    path: str
    body: dict[str, Any] | list[dict[str, Any]]
    headers: dict[str, str]
    provider: str
    models: tuple[str, ...]
    rest: bool = False


def wire_chat(chat: Chat, keys: Mapping[str, str]) -> Wire:
    """Return the request that carries a chat to its endpoint. `keys` are providers' keys, sent to their own API only.

    Raises:
        GatewayError: the model's provider, which the endpoint needs, is not in its name, or has no known chat path.

    """
    if chat.fallbacks:
        return _universal(chat, keys)
    if chat.endpoint == "provider":
        return _native(chat, keys)
    provider, name = provider_and_name(chat.model)
    body = {"model": chat.model, "messages": chat.messages, **chat.parameters}
    if chat.model.startswith(ROUTED):
        return Wire("compat/chat/completions", body, dict(chat.controls), "", chat.models)
    if chat.endpoint == "rest":
        model = name if provider == "workers-ai" else chat.model
        body |= {"model": model}
        return Wire("v1/chat/completions", body, dict(chat.controls), provider, chat.models, rest=True)
    _require(name, chat.model)
    body |= {"model": f"{provider}/{name}"}
    return Wire("compat/chat/completions", body, dict(chat.controls), provider, chat.models)


def provider_and_name(model: str) -> tuple[str, str]:
    """Split a model into its provider and the provider's name for it, either of which may be empty."""
    if model.startswith("@cf/"):
        return "workers-ai", model
    provider, _, name = model.partition("/")
    return provider, name


def _require(name: str, model: str) -> None:
    if not name:
        raise GatewayError(
            f"{model[:80]!r} does not name its provider. Write provider/model, such as openai/gpt-4o-mini, "
            "anthropic/claude-sonnet-4-5 or @cf/meta/llama-3.1-8b-instruct."
        )


def _native(chat: Chat, keys: Mapping[str, str]) -> Wire:
    provider, name = provider_and_name(chat.model)
    _require(name, chat.model)
    headers = dict(chat.controls) | own_headers(provider, keys)
    path = chat_path(provider, name)
    row = provider_of(provider)
    body = row.format.chat(row.own_name(name), chat.messages, chat.parameters) if row.format.chat else {}
    return Wire(f"{provider}/{path}", body, headers, provider, chat.models)


def chat_path(provider: str, name: str) -> str:
    """Return where a provider takes chats for a model.

    Raises:
        GatewayError: that is not known of this provider.

    """
    path = provider_of(provider).chat_path
    if not path:
        known = ", ".join(slug for slug, row in PROVIDERS.items() if row.chat_path)
        raise GatewayError(
            f"Chat paths are known for {known}, not {provider[:80]}. Use endpoint=rest or compat, without fallbacks."
        )
    return path.replace("{model}", quoted(name) if path.startswith("{model}") else quote(name, safe="@:"))


def own_headers(provider: str, keys: Mapping[str, str]) -> dict[str, str]:
    """Return what a provider's own API wants besides a body."""
    key = keys.get(provider)
    if provider == "anthropic":
        return {"anthropic-version": ANTHROPIC_VERSION, **({"x-api-key": key} if key else {})}
    return {"Authorization": f"Bearer {key}"} if key else {}


def _universal(chat: Chat, keys: Mapping[str, str]) -> Wire:
    """Return one request of the universal endpoint, which tries the models in order."""
    steps = [_native(replace(chat, model=model, controls={}), keys) for model in chat.models]
    body = [
        {
            "provider": step.provider,
            "endpoint": step.path.removeprefix(f"{step.provider}/"),
            "headers": {"Content-Type": "application/json", **step.headers},
            "query": step.body,
        }
        for step in steps
    ]
    return Wire("", body, dict(chat.controls), "", chat.models)


def quoted(path: str) -> str:
    """Quote a provider's path or a model that is one.

    Raises:
        GatewayError: it has parts that would lead elsewhere.

    """
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise GatewayError(f"{path[:80]!r} is not a provider's model or path.")
    return "/".join(quote(part, safe="@:") for part in parts)


def streamed(wire: Wire) -> dict[str, Any] | list[dict[str, Any]]:
    """Return a request's body so that the reply comes as a stream, with its usage, where its form can ask for that."""
    if isinstance(wire.body, list):
        return [step | {"query": _streamed(step["query"], step["provider"])} for step in wire.body]
    return _streamed(wire.body, wire.provider if wire.path.startswith(wire.provider) else "")


def _streamed(body: dict[str, Any], native: str) -> dict[str, Any]:
    return {**body, **(provider_of(native).format if native else openai_chat.FORMAT).streamed}
