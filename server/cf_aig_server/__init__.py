"""How the tools are configured, started, served and shown."""
