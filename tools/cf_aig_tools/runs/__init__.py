"""Runs: the calls of an agent that belong together, joined by ids or by the messages that they carry."""
