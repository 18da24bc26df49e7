"""AI Gateway: a client for one, and one that runs on this machine."""
