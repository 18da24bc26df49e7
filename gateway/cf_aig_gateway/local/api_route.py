"""How the management API's paths are matched."""

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

ACCOUNT = "/client/v4/accounts/{account:account}"


class _Segment(Convertor[str]):
    """One segment of the path as sent: an encoded slash stays inside it."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return unquote(value)


class _Account(_Segment):
    """An account id: 32 hexadecimal digits."""

    regex = "[0-9A-Fa-f]{32}"


class _Below(_Segment):
    """Nothing, or anything below a path."""

    regex = "(?:/.*)?"


register_url_convertor("below", _Below())
register_url_convertor("segment", _Segment())
register_url_convertor("account", _Account())


class ApiRoute(Route):
    """A path below an account, matched as sent. Several methods are separated by spaces."""

    def __init__(self, methods: str, path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        super().__init__(ACCOUNT + path, endpoint, methods=methods.split())

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches({**scope, "path": scope["raw_path"].decode("latin-1")})
