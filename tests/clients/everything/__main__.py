"""The server plus everything else that the conformance suite asks for: python tests/clients/everything PORT DATABASE."""

import sys

import anyio
from asking import ASKING, test_input_required_result_prompt
from contents import CONTENTS, PROMPTS, RESOURCES, handle
from events import Events
from mcp.server import MCPServer
from mcp.server.mcpserver.prompts import Prompt
from schema import TOOL

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_server.transports.door import Door
from cf_aig_server.transports.web import serve_app
from cf_aig_tools.desk import Desk

RECONNECT_MS = 100
"""How soon a client should reconnect after its stream was closed."""


def everything(settings: Settings) -> MCPServer[Desk]:
    """Return the server with the suite's tools, prompts and resources."""
    server = build_server(settings)
    for function in (*CONTENTS, *ASKING):
        server.add_tool(function, description=f"The suite calls {function.__name__}.", structured_output=False)
    server._tool_manager._tools[TOOL.name] = TOOL  # pyright: ignore[reportPrivateUsage] # no other way to a schema
    for function in (*PROMPTS, test_input_required_result_prompt):
        server.add_prompt(Prompt.from_function(function, description=f"The suite gets {function.__name__}."))
    for uri, function in RESOURCES.items():
        server.resource(uri, name=uri)(function)
    handle(server)
    return server


def main(port: int, database: str) -> None:
    settings = Settings(local=database)
    app = everything(settings).streamable_http_app(event_store=Events(), retry_interval=RECONNECT_MS)
    anyio.run(serve_app, Door(app, token=None, unready=settings.missing), "127.0.0.1", port)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
