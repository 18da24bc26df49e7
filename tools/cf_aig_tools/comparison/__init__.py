"""Compares two logged calls: their figures, every value in their bodies, and their turns in order."""
