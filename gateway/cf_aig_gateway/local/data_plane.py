"""The data plane: calls that go through a gateway to a provider, each logged."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from cf_aig_gateway import formats
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local import cache, forms, guardrails, limits, policies, routing, spending
from cf_aig_gateway.local.attempts import ask
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.controls import controls
from cf_aig_gateway.local.exchange import CLIENT_LEFT, Exchange, Setting
from cf_aig_gateway.local.faults import (
    Fault,
    gateway_missing,
    rate_limited,
    store_failed,
    too_large,
    unauthorized,
)
from cf_aig_gateway.local.providers.answers import JSON
from cf_aig_gateway.local.streams import StreamReply
from cf_aig_gateway.local.uploads import logged_reply
from cf_aig_gateway.local.usage import NONE, usage_of_body

MAX_BODY = 25 * 1024 * 1024
"""Maximum bytes of a request: Cloudflare's limit for a cacheable one, used here for all."""

Reply = Response | StreamReply


@dataclass(frozen=True)
class Relay:
    """An endpoint of the data plane. `read` turns a request into calls to providers, in the order to try them."""

    read: Callable[[Request, bytes], list[Call]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await _body(request)
        except ClientDisconnect:
            return
        with anyio.CancelScope() as call:
            watching = asyncio.create_task(_end_when_left(receive, call))
            try:
                reply = await self._reply(request, body)
                await reply(scope, receive, send)
            finally:
                watching.cancel()

    async def _reply(self, request: Request, body: bytes) -> Reply:
        try:
            setting = await _setting(request)
            if len(body) > MAX_BODY:
                raise too_large()
            routed = await routing.calls(setting, request, body) if self.read is forms.compat else []
            return await relay(setting, routed or routing.alias_calls(self.read, request, body))
        except Fault as fault:
            return fault.response()
        except GatewayError as error:
            return store_failed(str(error)).response()


async def relay(setting: Setting, calls: list[Call]) -> Reply:
    """Try calls in order until one succeeds, and return its reply, or the last one's. Each call is logged."""
    exchange = _exchange(setting, 0, calls[0])
    if not await limits.admit(setting):
        return await _failed(exchange, rate_limited())
    event = exchange.id if len(calls) > 1 else ""
    exchange.event = event
    reply = await _answered(exchange)
    for step, call in enumerate(calls[1:], 1):
        if reply.status_code < 300:
            break
        reply = await _answered(_exchange(setting, step, call, event))
    return reply


async def _answered(exchange: Exchange) -> Reply:
    """Answer one call: from the cache or from its provider."""
    if kept := await cache.find(exchange):
        await exchange.log(
            kept.status, logged_reply(kept.content_type, kept.body), kept.content_type, NONE, cached=True
        )
        return Response(kept.body, kept.status, {"content-type": kept.content_type, **exchange.headers("HIT")})
    try:
        return await _forwarded(exchange)
    except anyio.get_cancelled_exc_class():
        await exchange.log(CLIENT_LEFT, b"", JSON, NONE)
        raise
    except Fault as fault:
        return await _failed(exchange, fault)


async def _forwarded(exchange: Exchange) -> Reply:
    await policies.check(exchange)
    if exchange.setting.settings.get("spend_limits"):
        await spending.check(exchange)
    await guardrails.check_prompt(exchange)
    answer = await ask(exchange.setting.upstream, exchange.call, exchange.controls)
    exchange.first_byte = time.monotonic()
    headers = {**answer.kept_headers(), **exchange.headers()}
    if answer.success and formats.is_stream(answer.content_type, exchange.call.endpoint):
        return StreamReply(exchange, answer, headers)
    body = await answer.whole()
    if exchange.call.enveloped and answer.success:
        body = b'{"result":%b,"success":true,"errors":[],"messages":[]}' % body
    if answer.success:
        await guardrails.check_reply(exchange, body)
    await cache.keep(exchange, answer.status, answer.content_type, body)
    usage = usage_of_body(exchange.call.provider, body) if answer.success else NONE
    await exchange.log(answer.status, logged_reply(answer.content_type, body), answer.content_type, usage)
    return Response(body, answer.status, headers)


def _exchange(setting: Setting, step: int, call: Call, event: str = "") -> Exchange:
    return Exchange(setting, call, controls(call.asides, setting.settings), step, event)


async def _failed(exchange: Exchange, fault: Fault) -> Response:
    await exchange.log(fault.status, fault.body(), JSON, NONE)
    return fault.response(exchange.headers())


async def _body(request: Request) -> bytes:
    """Read the body. If it is over the limit, keep only that much; the request will be refused."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk[: MAX_BODY + 1 - len(body)]
    return bytes(body)


async def _end_when_left(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _setting(request: Request) -> Setting:
    """Find the gateway, and check that the caller may use it."""
    state, headers = request.app.state, request.headers
    gateway = request.path_params.get("gateway") or headers.get("cf-aig-gateway-id", "default")
    settings = await state.store.settings(gateway)
    if settings is None or not ACCOUNT.fullmatch(request.path_params["account"]):
        raise gateway_missing()
    authenticated = "gateway" not in request.path_params or _has_token(
        headers.get("cf-aig-authorization", ""), state.token
    )
    if settings.get("authentication") and not authenticated:
        raise unauthorized()
    return Setting(
        state.store,
        state.upstream,
        gateway,
        settings,
        request.scope["path"],
        headers.get("user-agent", ""),
        authenticated,
    )


def _has_token(authorization: str, token: str | None) -> bool:
    given = authorization.removeprefix("Bearer ").strip()
    return given != "" and token in (None, given)


ACCOUNT = re.compile("[0-9a-fA-F]{32}")
GATEWAY = "/v1/{account}/{gateway}"
REST = "/client/v4/accounts/{account}/ai"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

routes = [
    Route(GATEWAY, Relay(forms.universal), methods=["POST"]),
    Route(f"{GATEWAY}/", Relay(forms.universal), methods=["POST"]),
    Route(f"{GATEWAY}/compat/chat/completions", Relay(forms.compat), methods=["POST"]),
    Route(f"{GATEWAY}/{{provider}}/{{endpoint:path}}", Relay(forms.native), methods=METHODS),
    Route(f"{GATEWAY}/{{provider}}", Relay(forms.providerless), methods=METHODS),
    Route(f"{REST}/v1/chat/completions", Relay(partial(forms.rest, "chat/completions")), methods=["POST"]),
    Route(f"{REST}/v1/responses", Relay(partial(forms.rest, "responses")), methods=["POST"]),
    Route(f"{REST}/v1/messages", Relay(partial(forms.rest, "messages")), methods=["POST"]),
    Route(f"{REST}/run", Relay(forms.run), methods=["POST"]),
    Route(f"{REST}/run/{{model:path}}", Relay(forms.run), methods=["POST"]),
]
