"""Code shared by commands that read or send through a gateway: the choice of the gateway, and progress."""

import sys
import time
from typing import Any

from cf_aig_gateway.errors import GatewayError
from cf_aig_server.settings import Settings

EVERY_S = 20.0
"""Seconds between progress lines if stderr is not a terminal."""


def settings_for(local: str | None) -> Settings:
    """Return the configuration, with `--local` if it was given."""
    given: dict[str, Any] = {} if local is None else {"local": local}
    return Settings(**given)


def chosen_gateway(settings: Settings, gateway_id: str) -> str:
    """Return the named gateway, or the configured one.

    Raises:
        GatewayError: the operator does not allow it.

    """
    gateway = gateway_id or settings.gateway_id
    if settings.allow and gateway not in settings.allow:
        raise GatewayError(f"Gateway {gateway} is not allowed. Allowed: {', '.join(settings.allow)}.")
    return gateway


class Progress:
    """Reports a command's progress on stderr."""

    def __init__(self) -> None:
        self._is_live = sys.stderr.isatty()
        self._next = time.monotonic() + (0 if self._is_live else EVERY_S)

    def say(self, words: str) -> None:
        """Show it, unless something was shown a moment ago."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + (0.2 if self._is_live else EVERY_S)
            sys.stderr.write(f"\r{words}\x1b[K" if self._is_live else f"{words}\n")
            sys.stderr.flush()

    def end(self, words: str) -> None:
        """Report the final state."""
        sys.stderr.write(f"\r\x1b[K{words}\n" if self._is_live else f"{words}\n")
        sys.stderr.flush()
