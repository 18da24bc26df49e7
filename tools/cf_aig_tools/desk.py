"""The context that tools work with besides their arguments."""

import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel
from pydantic_core import to_json

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.one_line import named, unhidden
from cf_aig_tools.reading.budget import tokens
from cf_aig_tools.reading.masking import Masker

Call = Context[Callable[[], "Desk"], object]
"""A call, and the function that returns the desk, which is built on first use."""


@dataclass(frozen=True)
class Desk:
    """Built once by the server and passed to every call.

    Budgets are in tokens; `secret` signs replay codes. A call takes at most `timeout_s` seconds in total, because MCP
    clients give up at about 60. `offers_cases`: whether logs can be read as a resource of cases.
    """

    gateway: AIGateway
    default_gateway: str = "default"
    masker: Masker = field(default_factory=Masker)
    max_budget: int = 10_000
    gateways: frozenset[str] = frozenset()
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    timeout_s: float = 50.0
    offers_cases: bool = False

    def allows(self, gateway_id: str) -> bool:
        """Whether the operator allows calls to use this gateway; an empty `gateways` allows all."""
        return not self.gateways or gateway_id in self.gateways

    def check_allowed(self, gateway_id: str) -> None:
        """Reject a gateway that the operator does not allow.

        Raises:
            GatewayError: it is not allowed.

        """
        if not self.allows(gateway_id):
            allowed = ", ".join(sorted(self.gateways))
            raise GatewayError(f"Gateway {named(gateway_id, 80)} is not allowed. Allowed: {allowed}.")

    def safe(self, value: Any) -> Any:
        """Return text or a JSON value that is safe to send: secrets masked, hidden characters visible."""
        return unhidden(self.masker.masked(value))


@contextmanager
def time_limit(seconds: float, advice: Callable[[], str] = lambda: "Try again, or ask for less.") -> Generator[None]:
    """Cancel the body of the block after some seconds.

    Raises:
        GatewayError: time is up; `advice` returns what to do.

    """
    with anyio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise GatewayError(f"Stopped after {seconds:g} s: the gateway's response was not complete. {advice()}")


def desk_of(call: Call) -> Desk:
    """Return the desk of a call."""
    return call.request_context.lifespan_context()


def answer(text: str, structured: BaseModel) -> CallToolResult:
    """Return the same content in both channels, because some clients show a model only one of them."""
    held = structured.model_dump(mode="json", exclude_none=True)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=held)


def fits(result: CallToolResult, most: int) -> bool:
    """Whether each channel of a result fits in this many tokens. A token has at least one byte."""
    text = "".join(part.text for part in result.content if isinstance(part, TextContent))
    held = to_json(result.structured_content, inf_nan_mode="null").decode()
    return all(len(each.encode()) <= most or tokens(each) <= most for each in (text, held))


def said(text: str) -> CallToolResult:
    """Return a text-only result."""
    return CallToolResult(content=[TextContent(type="text", text=text)])
