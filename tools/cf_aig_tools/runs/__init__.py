"""Runs: the related calls of an agent, joined by ids or by the messages they share."""
