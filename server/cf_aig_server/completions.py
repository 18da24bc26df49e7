"""Completes the arguments of prompts and resource addresses."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    PromptReference,
    ResourceTemplateReference,
)

from cf_aig_gateway.errors import GatewayError

if TYPE_CHECKING:
    from cf_aig_gateway.models import Log
    from cf_aig_tools.desk import Desk

RECENT = 50
"""The newest logs, from which log ids, providers and models are taken."""

SPANS = ["1h", "24h", "7d", "30d"]


def add_completions(server: MCPServer[Any]) -> None:
    """Let the server answer completion/complete.

    MCPServer.completion passes no context to its function, so there is no desk.
    """
    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    lowlevel.add_request_handler("completion/complete", CompleteRequestParams, partial(complete, server))


async def complete(
    server: MCPServer[Any], ctx: "ServerRequestContext[Callable[[], Desk], Any]", params: CompleteRequestParams
) -> CompleteResult:
    """Return the values that contain what was typed; none if the gateway cannot be asked."""
    await _refuse_unknown(server, params.ref)
    resolved = (params.context.arguments if params.context else None) or {}
    gateway_id = resolved.get("gateway_id", "")
    fitting = await offered(params.argument.name, params.argument.value, gateway_id, ctx.lifespan_context())
    return CompleteResult(completion=Completion(values=fitting[:100], total=len(fitting), has_more=len(fitting) > 100))


async def offered(argument: str, typed: str, gateway_id: str, desk: "Desk") -> list[str]:
    """Return the values of an argument that contain what was typed; none if the gateway cannot be asked."""
    from cf_aig_tools.desk import time_limit  # noqa: PLC0415 (with the first call)

    try:
        with time_limit(desk.timeout_s):
            values = await _values(argument, typed, gateway_id, desk)
    except GatewayError:
        return []
    known: list[str] = desk.safe(list(values))
    return [value for value in dict.fromkeys(known) if typed.lower() in value.lower()]


async def _refuse_unknown(server: MCPServer[Any], ref: PromptReference | ResourceTemplateReference) -> None:
    if isinstance(ref, PromptReference):
        name, known = ref.name, [prompt.name for prompt in await server.list_prompts()]
    else:
        name, known = ref.uri, [template.uri_template for template in await server.list_resource_templates()]
    if name not in known:
        raise MCPError(INVALID_PARAMS, f"Nothing to complete: there is no {name[:80]}.")


async def _values(argument: str, typed: str, gateway_id: str, desk: "Desk") -> Iterable[str]:
    match argument:
        case "gateway_id":
            found = await desk.gateway.gateways(per_page=50, search=typed or None)
            return [gateway.id for gateway in found.items if desk.allows(gateway.id)]
        case "log_id" | "other_log_id":
            return [log.id for log in await _recent(gateway_id, desk)]
        case "provider":
            return filter(None, [log.provider for log in await _recent(gateway_id, desk)])
        case "model" | "other_model":
            return filter(None, [log.model for log in await _recent(gateway_id, desk)])
        case "since" | "start_date" | "end_date":
            return SPANS
        case _:
            return []


async def _recent(gateway_id: str, desk: "Desk") -> "list[Log]":
    gateway = gateway_id or desk.default_gateway
    if not desk.allows(gateway):
        return []
    return (await desk.gateway.logs(gateway, per_page=RECENT)).items
