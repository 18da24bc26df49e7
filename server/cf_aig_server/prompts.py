"""The prompts that users can pick in a client: questions about logs, with the steps to answer them."""

import difflib
from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Annotated, Any, get_type_hints

from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import PromptArgument
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS
from mcp.types import Prompt as ListedPrompt
from pydantic import Field

from cf_aig_gateway.shapes import as_object

MAX_ECHO = 80
"""Maximum characters of an unknown name repeated in an error."""

GatewayId = Annotated[str, Field(description="Gateway; empty: the configured one")]
Since = Annotated[str, Field(description="Start of the time range: 90m, 24h, 7d, or ISO 8601")]


def debug_errors(since: Since = "24h", gateway_id: GatewayId = "") -> str:
    """Find out why calls failed in a time range, and what to do about it."""
    return f"""\
Find out why LLM calls failed since {since}{_on(gateway_id)}.

1. summarize_logs with {_arguments(gateway_id, f'start_date="{since}"')}: its failures are grouped by cause,
   each with an example. If nothing failed, say so and stop.
2. get_log_details on each example; where its words do not explain the failure, get_log_response_body, and
   get_log_request_body if the request itself may be at fault.
3. list_logs with success=false and the model of a cause, if you need more of its logs.
4. Report, most frequent first: what failed, how often, since when, why (quote the provider's words), a log id as
   evidence, and the change that would fix it. Separate what the logs show from what you infer."""


def explain_log(log_id: Annotated[str, Field(description="Log id, from list_logs")], gateway_id: GatewayId = "") -> str:
    """Explain one call: what was asked, what came back, and why it went as it did."""
    arguments = _arguments(gateway_id, f'log_id="{log_id}"')
    return f"""\
Explain the call in log {log_id}{_on(gateway_id)}.

1. get_log_details with {arguments}.
2. get_log_request_body and get_log_response_body with the same arguments, as far as they are needed.
3. Say in a few sentences what was asked, what came back, whether it succeeded, and why it failed, was slow or was
   expensive. End with what to change, if anything."""


def review_costs(since: Since = "7d", gateway_id: GatewayId = "") -> str:
    """Find what the money was spent on in a time range, and what would save the most."""
    return f"""\
Review what LLM calls cost since {since}{_on(gateway_id)}.

1. summarize_logs with {_arguments(gateway_id, f'start_date="{since}"', 'compare_to="previous"')}: cost by model,
   what changed, what the cache answered. Repeat with group_by="day", or with metadata that says who called.
2. list_logs with {_arguments(gateway_id, f'start_date="{since}"', 'order_by="cost"', "per_page=10")}:
   the most expensive.
3. For the most expensive models, get_log_details on one typical call: long input, long output, or an expensive model?
4. Report cost by model (and what the figures are based on), the most expensive calls with their ids, repeated calls
   that could have been cached, and up to three changes with what each would save."""


def compare_models(
    model: Annotated[str, Field(description="Model, as the logs name it")],
    other_model: Annotated[str, Field(description="Model to compare it with")],
    since: Since = "7d",
    gateway_id: GatewayId = "",
) -> str:
    """Compare two models by their logs: failures, latency, tokens, cost, feedback."""
    span = f'start_date="{since}"'
    return f"""\
Compare {model} with {other_model} by their logs since {since}{_on(gateway_id)}.

1. summarize_logs with {_arguments(gateway_id, span)}: calls, failures, cost, tokens and durations of both.
2. For each of the two, list_logs with {_arguments(gateway_id, 'model="…"', span, "per_page=10")}: what its calls are
   like, and any feedback.
3. Give one small table, say how many calls each column is based on and whether the two did comparable work, and end
   with which one to use for what. Send no chats unless asked to."""


PROMPTS: tuple[Callable[..., str], ...] = (debug_errors, explain_log, review_costs, compare_models)


@cache
def prompts() -> tuple[Prompt, ...]:
    """Return the prompts in the order in which clients list them."""
    return tuple(map(_prompt, PROMPTS))


def _prompt(function: Callable[..., str]) -> Prompt:
    """Return the prompt of a function. `Prompt.from_function` would build validators for texts: 7 ms of the start."""
    hints, parameters = get_type_hints(function, include_extras=True), signature(function).parameters.values()
    arguments = [
        PromptArgument(name=each.name, description=_described(hints[each.name]), required=each.default is each.empty)
        for each in parameters
    ]
    name = function.__name__
    return Prompt(
        name=name,
        title=name.replace("_", " ").capitalize(),
        description=function.__doc__,
        arguments=arguments,
        fn=function,
        context_kwarg=None,
    )


def _described(annotated: Any) -> str:
    return annotated.__metadata__[0].description


def refuse_bad_prompts(server: MCPServer[Any]) -> ServerMiddleware[Any]:
    """Return a handler that answers an unknown prompt or argument with -32602, as the specification requires."""

    async def middleware(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method == "prompts/get" and ctx.request_id is not None:
            _check(as_object(ctx.params), {prompt.name: prompt for prompt in await server.list_prompts()})
        return await call_next(ctx)

    return middleware


def _check(params: dict[str, Any], known: dict[str, ListedPrompt]) -> None:
    name, given = str(params.get("name")), as_object(params.get("arguments"))
    if name not in known:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name[:MAX_ECHO]}. Known: {', '.join(known)}.")
    arguments = {argument.name: argument.required for argument in known[name].arguments or []}
    if missing := [argument for argument, required in arguments.items() if required and not given.get(argument)]:
        raise MCPError(INVALID_PARAMS, f"{name} needs {', '.join(missing)}.")
    for wrong in given.keys() - arguments.keys():
        near = difflib.get_close_matches(wrong, arguments, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"{name} takes {', '.join(arguments)}."
        raise MCPError(INVALID_PARAMS, f"Unknown argument {wrong[:MAX_ECHO]}: {hint}")


def _on(gateway_id: str) -> str:
    return f" on gateway {gateway_id}" if gateway_id else ""


def _arguments(gateway_id: str, *others: str) -> str:
    return ", ".join([*([f'gateway_id="{gateway_id}"'] if gateway_id else []), *others])
