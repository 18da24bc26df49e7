"""The local gateway as one Starlette application."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local import data_plane
from cf_aig_gateway.local.door import Door
from cf_aig_gateway.local.envelopes import Refused, front_door
from cf_aig_gateway.local.providers.answers import Upstream
from cf_aig_gateway.local.providers.live import Live
from cf_aig_gateway.local.store import Store

LogSystem = Literal["gateway", "observability"]


def build_app(
    store: Store,
    *,
    token: str | None = None,
    upstream: Upstream | None = None,
    logs: LogSystem = "gateway",
    aliases: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Starlette:
    """Return the application over an open store. With a `token`, it accepts no other.

    Calls go to `upstream`, by default to simulated providers.

    `aliases` are the models that `custom/{alias}` stands for. With `logs` set to `observability` it acts like an
    account created since 2026-09-24: the logs API lists nothing.
    """
    app = Starlette(
        routes=data_plane.routes,
        middleware=[Middleware(Door, token=token)],
        exception_handlers={
            404: _unknown_route,
            405: _wrong_method,
            Refused: _refused,
            GatewayError: _failed,
            ClientDisconnect: _gone,
            500: _broken,
        },
    )
    app.router.redirect_slashes = False
    app.router.default = _ManagementAPI()
    app.state.store = store
    app.state.token = token
    app.state.upstream = upstream or Live({})
    app.state.logs = logs
    app.state.aliases = aliases
    return app


class _ManagementAPI:
    """Answers what isn't a call to a model. Loaded with the first such request, to start sooner."""

    def __init__(self) -> None:
        self._router: Router | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._router = self._router or await anyio.to_thread.run_sync(_management_api)
        await self._router(scope, receive, send)


def _management_api() -> Router:
    from cf_aig_gateway.local.management_api import routes  # noqa: PLC0415 (after the start)

    return Router(routes, redirect_slashes=False)


async def _unknown_route(request: Request, _: Exception) -> Response:
    path = request.url.path[:200]
    could_not = f"Could not route to {path}, perhaps your object identifier is invalid?"
    return front_door(404, (7003, could_not), (7000, "No route for that URI"))


async def _wrong_method(request: Request, _: Exception) -> Response:
    return front_door(405, (7001, f"Method {request.method} not available for that URI."))


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 (Starlette passes what was raised)
    return error.response()


async def _failed(_: Request, error: Exception) -> Response:
    return Refused(500, {"code": 7000, "message": str(error)}).response()


async def _gone(_: Request, error: Exception) -> Response:  # noqa: ARG001 (nobody reads the answer)
    return Response(status_code=400)


async def _broken(_: Request, error: Exception) -> Response:  # noqa: ARG001 (the server reports it)
    return Refused(500, {"code": 7000, "message": "Internal Error"}).response()
