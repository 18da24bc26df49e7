"""Finds calls that wasted money or time, why, and what would save it."""
