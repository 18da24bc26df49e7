"""The MCP server: configuration, start-up, commands and transports."""

import os

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them takes 1 % of the start
