"""The MCP server: configuration, start-up, commands and transports."""
