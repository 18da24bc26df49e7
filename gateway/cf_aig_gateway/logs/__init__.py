"""Where an account keeps its logs: AI Gateway's own store, or Workers Observability (accounts since 2026-09-24)."""

from typing import Literal

LogSystem = Literal["auto", "gateway", "observability"]
"""Where an account keeps its logs; `auto` finds out."""
