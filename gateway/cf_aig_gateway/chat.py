"""A chat on its way through a gateway: how each endpoint wants it, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote

import httpx2

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.refusals import Errand, reason, refusal
from cf_aig_gateway.shapes import as_list, as_object, as_text

Endpoint = Literal["rest", "compat", "provider"]

ANTHROPIC_VERSION = "2023-06-01"
ANTHROPIC_MAX_TOKENS = 1024
"""Tokens of an Anthropic reply when the caller gives no bound; Anthropic demands one."""

CHAT_PATHS = {
    "openai": "chat/completions",
    "groq": "chat/completions",
    "perplexity-ai": "chat/completions",
    "cerebras": "chat/completions",
    "deepseek": "chat/completions",
    "mistral": "v1/chat/completions",
    "grok": "v1/chat/completions",
    "openrouter": "v1/chat/completions",
}
"""Native chat paths of providers that take OpenAI's form: developers.cloudflare.com/ai-gateway/usage/providers."""


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
    """One HTTP request: a path below the management host (`rest`) or below the gateway on the data plane."""

    path: str
    body: dict[str, Any] | list[dict[str, Any]]
    headers: dict[str, str]
    provider: str
    rest: bool = False


@dataclass(frozen=True)
class Reply:
    """What came back (duration in milliseconds, as seen from here). `log_id` is None when nothing was logged."""

    text: str
    tool_calls: list[Any]
    finish_reason: str | None
    provider: str | None
    model: str
    tokens_in: int | None
    tokens_out: int | None
    duration: int
    log_id: str | None
    cache_status: str | None
    step: str | None


def wire_chat(chat: Chat, keys: Mapping[str, str]) -> Wire:
    """Return the request that carries a chat to its endpoint. `keys` are providers' keys, sent to their own API only.

    Raises:
        GatewayError: the model's provider, which the endpoint needs, is not in its name, or has no known chat path.

    """
    if chat.fallbacks:
        return _universal(chat, keys)
    if chat.endpoint == "provider":
        return _native(chat, keys)
    provider, name = _named(chat.model)
    body = {"model": chat.model, "messages": chat.messages, **chat.parameters}
    if chat.endpoint == "rest":
        model = name if provider == "workers-ai" else chat.model
        return Wire("v1/chat/completions", body | {"model": model}, dict(chat.controls), provider, rest=True)
    _require(name, chat.model)
    return Wire("compat/chat/completions", body | {"model": f"{provider}/{name}"}, dict(chat.controls), provider)


def _named(model: str) -> tuple[str, str]:
    """Split a model into its provider and the provider's name for it, either of which may be empty."""
    if model.startswith("@cf/"):
        return "workers-ai", model
    provider, _, name = model.partition("/")
    return provider, name


def _require(name: str, model: str) -> None:
    if not name:
        raise GatewayError(
            f"{model[:80]!r} does not name its provider. Write provider/model, as openai/gpt-4o-mini, "
            "anthropic/claude-sonnet-4-5 or @cf/meta/llama-3.1-8b-instruct."
        )


def _native(chat: Chat, keys: Mapping[str, str]) -> Wire:
    provider, name = _named(chat.model)
    _require(name, chat.model)
    body = {"model": name, "messages": chat.messages, **chat.parameters}
    headers = dict(chat.controls)
    if key := keys.get(provider):
        headers |= {"x-api-key": key} if provider == "anthropic" else {"Authorization": f"Bearer {key}"}
    if provider == "anthropic":
        headers["anthropic-version"] = ANTHROPIC_VERSION
        return Wire("anthropic/v1/messages", _anthropic(chat, name), headers, provider)
    if provider == "workers-ai":
        del body["model"]
        return Wire(f"workers-ai/{_model_path(name)}", body, headers, provider)
    if provider not in CHAT_PATHS:
        known = ", ".join(["anthropic", "workers-ai", *CHAT_PATHS])
        raise GatewayError(
            f"Chat paths are known of {known}, not of {provider[:80]}. Use endpoint=rest or compat, without fallbacks."
        )
    return Wire(f"{provider}/{CHAT_PATHS[provider]}", body, headers, provider)


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
    return Wire("", body, dict(chat.controls), "")


def _anthropic(chat: Chat, name: str) -> dict[str, Any]:
    system = [as_text(message.get("content")) for message in chat.messages if message.get("role") == "system"]
    return {
        "model": name,
        "max_tokens": ANTHROPIC_MAX_TOKENS,
        **({"system": "\n\n".join(system)} if system else {}),
        "messages": [message for message in chat.messages if message.get("role") != "system"],
        **chat.parameters,
    }


def _model_path(name: str) -> str:
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise GatewayError(f"{name[:80]!r} is no model name.")
    return "/".join(quote(part, safe="@") for part in parts)


def streamed(wire: Wire) -> dict[str, Any] | list[dict[str, Any]]:
    """Return a request's body so that the reply comes as a stream, with its usage."""
    if isinstance(wire.body, list):
        return [step | {"query": _streamed(step["query"], step["provider"])} for step in wire.body]
    return _streamed(wire.body, wire.provider if wire.path.startswith(wire.provider) else "")


def _streamed(body: dict[str, Any], native: str) -> dict[str, Any]:
    usage = {} if native in ("anthropic", "workers-ai") else {"stream_options": {"include_usage": True}}
    return body | {"stream": True} | usage


def parse_reply(chat: Chat, response: httpx2.Response, body: dict[str, Any], duration: int, errand: Errand) -> Reply:
    """Read what a gateway answered a chat with: `body` is its JSON, or what its stream put together.

    Raises:
        GatewayError: the gateway or the provider refused it, or the answer is no chat reply.

    """
    headers = response.headers
    log_id = headers.get("cf-aig-log-id")
    if not response.is_success or not body or body.get("success") is False:
        raise _refused(chat, response, log_id, errand)
    result = as_object(body.get("result")) or body
    choice = as_object(next(iter(as_list(result.get("choices"))), None))
    message = as_object(choice.get("message")) or result
    usage = as_object(result.get("usage"))
    step = headers.get("cf-aig-step") or ""
    answered = dict(zip(map(str, range(len(chat.models))), chat.models, strict=True)).get(step, chat.model)
    return Reply(
        text=_text(message),
        tool_calls=as_list(message.get("tool_calls")) or _tool_uses(message),
        finish_reason=choice.get("finish_reason") or result.get("stop_reason"),
        provider=headers.get("cf-aig-provider") or _named(answered)[0] or None,
        model=headers.get("cf-aig-model") or as_text(result.get("model")) or answered,
        tokens_in=usage.get("prompt_tokens", usage.get("input_tokens")),
        tokens_out=usage.get("completion_tokens", usage.get("output_tokens")),
        duration=duration,
        log_id=log_id,
        cache_status=headers.get("cf-aig-cache-status"),
        step=step or None,
    )


def _text(message: dict[str, Any]) -> str:
    """Return the text of an OpenAI message, an Anthropic message or a Workers AI result."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(as_text(as_object(part).get("text")) for part in as_list(content))
    return as_text(content) or as_text(message.get("response")) or as_text(message.get("refusal"))


def _tool_uses(message: dict[str, Any]) -> list[Any]:
    return [part for part in as_list(message.get("content")) if as_object(part).get("type") == "tool_use"]


def _refused(chat: Chat, response: httpx2.Response, log_id: str | None, errand: Errand) -> GatewayError:
    code, words = reason(response)
    followed = f" Next: get_log_details with log {log_id}." if log_id else " Nothing was logged under an id."
    if code is None and response.status_code >= 400:
        message = f"{chat.model} answered HTTP {response.status_code}: {words or 'no reason given'}"
    else:
        message = f"{refusal(response, errand)}{_GATEWAY_ADVICE.get(code or 0, '')}"
    return GatewayError(message.removesuffix(".") + "." + followed, status=response.status_code, code=code)


_GATEWAY_ADVICE = {
    2001: ". The gateway may not exist: list_gateways shows those that do",
    2003: ". The gateway's own limit was hit: list_gateways shows it",
    2005: ". The provider gave no usable answer",
    2008: ". Write the model as provider/model, as openai/gpt-4o-mini",
    2009: ". The gateway asks for its own token: set CF_AIG_TOKEN to one with AI Gateway Run",
    2021: ". Add credits, or set a provider key",
    7003: ". Model names on endpoint=rest are author/model, Claude's dotted: anthropic/claude-haiku-4.5",
}
"""By the data plane's codes: developers.cloudflare.com/ai-gateway, and third parties' captures (read 2026-11-22)."""
