"""Builds the request that sends a chat through a gateway, in each endpoint's form."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats import openai_chat
from cf_aig_gateway.providers import PROVIDERS, provider_of

Endpoint = Literal["rest", "compat", "provider"]

ROUTED = ("dynamic/", "cloudflare/auto")
"""Prefixes of names that stand for several models and that only the compat endpoint serves. Aliases, `custom/…`, go to
REST.

Source: developers.cloudflare.com/ai-gateway/features/dynamic-routing, read 2026-11-27.
"""

ANTHROPIC_VERSION = "2023-06-01"


@dataclass(frozen=True)
class Chat:
    """A chat to send: messages in OpenAI's format, parameters by the provider's names, `cf-aig-*` headers as controls.

    `fallbacks` are tried in order if a model fails. With them, the chat goes to the universal endpoint whatever
    `endpoint` says.
    """

    model: str
    messages: list[dict[str, Any]]
    endpoint: Endpoint = "rest"
    fallbacks: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    controls: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def models(self) -> tuple[str, ...]:
        """The models, in the order they are tried."""
        return (self.model, *self.fallbacks)


@dataclass(frozen=True)
class Wire:
    """One HTTP request: a path below the management host (`rest`) or below the gateway on the data plane.

    `models` may answer, in the order of `cf-aig-step`; `written` is the body as JSON, where that is there already.
    """

    path: str
    body: dict[str, Any] | list[dict[str, Any]]
    headers: dict[str, str]
    provider: str
    models: tuple[str, ...]
    rest: bool = False
    written: bytes = b""


def wire_chat(chat: Chat, keys: Mapping[str, str]) -> Wire:
    """Return the request that sends a chat to its endpoint. `keys` are providers' keys; each goes to its own API only.

    Raises:
        GatewayError: the endpoint needs the model's provider, and its name lacks it or no chat path is known for it.

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
    """Split a model into its provider and the provider's name for it. Either may be empty."""
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
    """Return the path of a provider's chat API for a model.

    Raises:
        GatewayError: it isn't known for this provider.

    """
    path = provider_of(provider).chat_path
    if not path:
        known = ", ".join(slug for slug, row in PROVIDERS.items() if row.chat_path)
        raise GatewayError(
            f"Chat paths are known for {known}, not {provider[:80]}. Use endpoint=rest or compat, without fallbacks."
        )
    return path.replace("{model}", quoted(name) if path.startswith("{model}") else quote(name, safe="@:"))


def own_headers(provider: str, keys: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a provider's own API requires."""
    key = keys.get(provider)
    if provider == "anthropic":
        return {"anthropic-version": ANTHROPIC_VERSION, **({"x-api-key": key} if key else {})}
    return {"Authorization": f"Bearer {key}"} if key else {}


def _universal(chat: Chat, keys: Mapping[str, str]) -> Wire:
    """Return one request to the universal endpoint, which tries the models in order."""
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
    """Quote a provider's path, or a model that is part of a path.

    Raises:
        GatewayError: it has parts that would lead to another path.

    """
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise GatewayError(f"{path[:80]!r} is not a provider's model or path.")
    return "/".join(quote(part, safe="@:") for part in parts)


def streamed(wire: Wire) -> dict[str, Any] | list[dict[str, Any]]:
    """Return a request's body that asks for a stream with usage, if its format can."""
    if isinstance(wire.body, list):
        return [step | {"query": _streamed(step["query"], step["provider"])} for step in wire.body]
    return _streamed(wire.body, wire.provider if wire.path.startswith(wire.provider) else "")


def _streamed(body: dict[str, Any], native: str) -> dict[str, Any]:
    return {**body, **(provider_of(native).format if native else openai_chat.FORMAT).streamed}
