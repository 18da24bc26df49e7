"""The command line: `cloudflare-ai-gateway-mcp`."""

import argparse
from typing import Any

from cf_aig_server.settings import Settings


def main() -> None:
    """Read the command line and run one command."""
    parser = argparse.ArgumentParser(
        prog="cloudflare-ai-gateway-mcp", description="Debug LLM calls through AI Gateway's logs."
    )
    commands = parser.add_subparsers(dest="command")
    serve = commands.add_parser("serve", help="serve MCP (the default)")
    serve.add_argument("--local", nargs="?", const="1", metavar="DB", help="use the local gateway, in this process")
    options = parser.parse_args()
    flags: dict[str, Any] = {
        name: value for name, value in vars(options).items() if name != "command" and value is not None
    }

    from cf_aig_server.commands import serve as command  # noqa: PLC0415 (each command loads only its own)

    command.run(Settings(**flags))


if __name__ == "__main__":
    main()
