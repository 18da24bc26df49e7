"""Test sets made from logged calls: exported as JSON lines, replayed on another model, and compared."""
