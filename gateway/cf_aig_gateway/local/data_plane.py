"""The data plane: calls that go through a gateway to a provider, each logged."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from cf_aig_gateway.local.calls import MAX_BODY, Call, compat_call, native_call, rest_call
from cf_aig_gateway.local.controls import controls
from cf_aig_gateway.local.exchange import CLIENT_LEFT, Exchange, Setting
from cf_aig_gateway.local.faults import Fault, gateway_missing, too_large
from cf_aig_gateway.local.providers import simulated
from cf_aig_gateway.local.providers.answers import Answer
from cf_aig_gateway.local.store import Store
from cf_aig_gateway.local.usage import Usage, usage_of_body


@dataclass(frozen=True)
class Relay:
    """An endpoint of the data plane; `read` finds in a request what a provider is to be asked."""

    read: Callable[[Request, bytes], Call]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await _body(request)
        except ClientDisconnect:
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_end_when_left, receive, tasks.cancel_scope)
            response = await self._answered(request, body)
            await response(scope, receive, send)
            tasks.cancel_scope.cancel()

    async def _answered(self, request: Request, body: bytes) -> Response:
        try:
            setting = await _setting(request)
            if len(body) > MAX_BODY:
                raise too_large()
            return await passed_on(Exchange(setting, self.read(request, body), controls(request.headers)))
        except Fault as fault:
            return fault.response()


async def passed_on(exchange: Exchange) -> Response:
    """Ask the provider, log what it answered, and return it."""
    try:
        answer = await simulated.answer(exchange.call)
    except anyio.get_cancelled_exc_class():
        await exchange.log(CLIENT_LEFT, b"", "", Usage(), whole=False)
        raise
    except Fault as fault:
        await exchange.log(fault.status, fault.body(), "application/json", Usage())
        return fault.response(exchange.headers())
    body = b"".join([chunk async for chunk in answer.chunks])
    await exchange.log(answer.status, body, answer.content_type, usage_of_body(body))
    return Response(body, answer.status, {**_kept_headers(answer), **exchange.headers()})


async def _body(request: Request) -> bytes:
    """Read the body; of one over the bound no more than that is kept, to be refused."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk[: MAX_BODY + 1 - len(body)]
    return bytes(body)


async def _end_when_left(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _setting(request: Request) -> Setting:
    store: Store = request.app.state.store
    gateway = request.path_params.get("gateway") or request.headers.get("cf-aig-gateway-id", "default")
    settings = await store.gateway(gateway)
    if settings is None:
        raise gateway_missing()
    return Setting(store, gateway, settings, request.url.path, request.headers.get("user-agent", ""))


def _kept_headers(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in _CONNECTION}


_CONNECTION = {"content-length", "content-encoding", "transfer-encoding", "connection", "set-cookie"}

GATEWAY = "/v1/{account}/{gateway}"
REST = "/client/v4/accounts/{account}/ai"

routes = [
    Route(f"{GATEWAY}/compat/chat/completions", Relay(compat_call), methods=["POST"]),
    Route(f"{GATEWAY}/{{provider}}/{{endpoint:path}}", Relay(native_call), methods=["POST"]),
    Route(f"{REST}/v1/chat/completions", Relay(partial(rest_call, "chat/completions")), methods=["POST"]),
]
