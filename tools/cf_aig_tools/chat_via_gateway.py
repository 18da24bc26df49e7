"""Sends a chat through a gateway; it is logged like any other call."""

import json
from typing import Annotated, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field, WithJsonSchema

from cf_aig_gateway.chat import Chat, Endpoint
from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.chat_reply import ChatReply, chat_reply, reply_text
from cf_aig_tools.desk import Call, answer, desk_of
from cf_aig_tools.parameters import GatewayId, Metadata
from cf_aig_tools.progress import is_watched, say

ANNOTATIONS = ToolAnnotations(
    title="Chat through a gateway",
    read_only_hint=False,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)

Message = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]


SHORTEST_TTL_S = 60
"""Below this many seconds, a gateway still keeps a reply for 60: developers.cloudflare.com/ai-gateway/glossary."""


async def chat_via_gateway(
    ctx: Call,
    model: Annotated[
        str, Field(description="openai/gpt-4o-mini, @cf/…, custom/…, dynamic/…, cloudflare/auto", min_length=1)
    ],
    messages: Annotated[list[Message], Field(description="[{role, content}]")] = [],  # noqa: B006 (only read)
    prompt: Annotated[str, Field(description="Instead of messages: one user message")] = "",
    gateway_id: GatewayId = "",
    system: str = "",
    max_tokens: Annotated[int | None, Field(ge=1)] = None,
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None,
    top_p: float | None = None,
    stop: list[str] | None = None,
    seed: int | None = None,
    tools: list[Message] | None = None,
    tool_choice: Annotated[str | dict[str, Any] | None, WithJsonSchema({"type": "string"})] = None,
    response_format: Message | None = None,
    parameters: Annotated[Message, Field(description="Other provider parameters")] = {},  # noqa: B006
    cache_ttl: Annotated[int | None, Field(ge=0, description="Seconds, at least 60; 0: off")] = None,
    skip_cache: bool | None = None,
    cache_key: str = "",
    metadata: Metadata = {},  # noqa: B006
    event_id: str = "",
    session_id: str = "",
    turn_id: str = "",
    allowed_models: Annotated[list[str], Field(description="For cloudflare/auto")] = [],  # noqa: B006
    collect_log: bool | None = None,
    timeout: Annotated[int | None, Field(ge=1, description="Milliseconds to the first byte")] = None,  # noqa: ASYNC109
    max_attempts: Annotated[int | None, Field(ge=1, le=5)] = None,
    endpoint: Annotated[Endpoint, Field(description="provider: its native API")] = "rest",
    fallbacks: Annotated[list[str], Field(description="Models to try in order if this fails")] = [],  # noqa: B006
) -> Annotated[CallToolResult, ChatReply]:
    """Sends a chat through a gateway (it may cost money) and returns the reply, log_id, cache status, usage.

    Then get_log_details or patch_log_feedback with log_id.
    """
    desk = desk_of(ctx)
    gateway = gateway_id or desk.default_gateway
    if cache_ttl and cache_ttl < SHORTEST_TTL_S:
        raise GatewayError(f"cache_ttl must be 0 or at least {SHORTEST_TTL_S} seconds (got {cache_ttl}).")
    named = {"max_tokens": max_tokens, "temperature": temperature, "top_p": top_p, "stop": stop, "seed": seed}
    named |= {"tools": tools, "tool_choice": tool_choice, "response_format": response_format}
    chat = Chat(
        model=model,
        messages=_messages(messages, prompt, system),
        endpoint=endpoint,
        fallbacks=tuple(fallbacks),
        parameters={**parameters, **{name: value for name, value in named.items() if value is not None}},
        controls=_controls(
            {
                "cache-ttl": cache_ttl,
                "skip-cache": skip_cache,
                "cache-key": cache_key or None,
                "metadata": metadata or None,
                "event-id": event_id or None,
                "session-id": session_id or None,
                "turn-id": turn_id or None,
                "allowed-models": ",".join(allowed_models) or None,
                "collect-log": collect_log,
                "request-timeout": timeout,
                "max-attempts": max_attempts,
            }
        ),
    )
    caching = cache_ttl is not None or skip_cache is not None or cache_key
    grown = _say_growth if is_watched(ctx) and not caching else None
    reply = chat_reply(gateway, await desk.gateway.chat(gateway, chat, grown), desk.max_budget, desk.masker)
    return answer(reply_text(reply), reply)


def _say_growth(events: int) -> None:
    say(f"received {events} events of the reply")


def _messages(messages: list[dict[str, Any]], prompt: str, system: str) -> list[dict[str, Any]]:
    if bool(messages) == bool(prompt):
        raise GatewayError("Give either messages ([{role, content}, …], not empty) or prompt (text).")
    for message in messages:
        if not isinstance(message.get("role"), str):
            raise GatewayError("Each message needs a role (system, user, assistant, tool) and content.")
    said = messages or [{"role": "user", "content": prompt}]
    return [{"role": "system", "content": system}, *said] if system else said


def _controls(values: dict[str, Any]) -> dict[str, str]:
    """Return the `cf-aig-*` headers: developers.cloudflare.com/ai-gateway/glossary."""
    headers = {f"cf-aig-{name}": _header(value) for name, value in values.items() if value is not None}
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise GatewayError(f"{name.removeprefix('cf-aig-').replace('-', '_')} must be printable ASCII.")
    return headers


def _header(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
