"""What a client said in its handshake, kept over stateless HTTP: by the client, as the name of its session."""

import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cf_aig_gateway.shapes import as_object
from cf_aig_server.registration import APPS, SESSION, SHOWS_APPS, are_of_apps


class Sessions:
    """Gives a client that shows pages a session id that says so: any copy of this server understands it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request, and add to its answer the header that the client must send from then on."""
        shows = False

        async def received() -> Message:
            nonlocal shows
            message = await receive()
            shows = shows or _begins(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            if shows and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (SESSION, SHOWS_APPS)]
            await send(message)

        await self._app(scope, received, sent)


def _begins(body: bytes) -> bool:
    """Whether a request, which the door passes on complete, is the handshake of a client that shows pages."""
    if APPS.encode() not in body or b'"initialize"' not in body:
        return False
    try:
        message: Any = as_object(json.loads(body))
    except (ValueError, RecursionError):
        return False
    return message.get("method") == "initialize" and are_of_apps(as_object(message.get("params")).get("capabilities"))
