"""How two logged calls are compared: their figures, every value of their bodies, and their turns in order."""
