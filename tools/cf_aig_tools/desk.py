"""What a tool works with besides its arguments."""

from dataclasses import dataclass

from mcp.server.mcpserver import Context

from cf_aig_gateway.client import AIGateway

Call = Context["Desk", object]


@dataclass(frozen=True)
class Desk:
    """Built once by the server, handed to every call."""

    gateway: AIGateway
    default_gateway: str = "default"


def desk_of(call: Call) -> Desk:
    """Return the desk of a call."""
    return call.request_context.lifespan_context
