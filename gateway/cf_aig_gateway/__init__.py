"""A client for AI Gateway, and a gateway that runs on this machine."""
