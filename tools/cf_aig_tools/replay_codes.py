"""Codes that let a second call send exactly what the first one showed."""

import hashlib
import hmac

LIFE_S = 600
"""Lifetime of a code, in seconds."""


def code_for(shown: bytes, secret: bytes, expires: int) -> str:
    """Return the code that sends `shown` until this time (seconds since 1970)."""
    digest = hmac.new(secret, b"replay %d " % expires + shown, hashlib.sha256).hexdigest()
    return f"{expires:x}-{digest[:20]}"


def accepts(code: str, shown: bytes, secret: bytes, now: float) -> bool:
    """Whether a code was made for `shown` and is still valid."""
    try:
        expires = int(code.partition("-")[0], 16)
    except ValueError:
        return False
    known = code_for(shown, secret, expires)
    return now <= expires and hmac.compare_digest(known.encode(), code.encode())
