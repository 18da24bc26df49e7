"""A caller's options for the gateway itself: the `cf-aig-*` headers of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.shapes import as_object

METADATA_ENTRIES = 5
MIN_TTL_S, MAX_TTL_S = 60, 2_678_400
"""Seconds a reply may be cached: a minute to 31 days, as documented. Other values become the nearest of these."""

KEYED_TTL_S = 300
"""Seconds a reply is cached under a caller's own key if neither a header nor the gateway says how long."""

MAX_ATTEMPTS = 5
MAX_DELAY_MS = 5000
MAX_TIMEOUT_MS = 3_600_000
DEFAULT_DELAY_MS = 100

ALIASES = {"cf-cache-ttl": "cf-aig-cache-ttl", "cf-skip-cache": "cf-aig-skip-cache"}
"""Deprecated names that still work."""


@dataclass(frozen=True)
class Controls:
    """The caller's headers over the gateway's settings. An invalid header is ignored."""

    event_id: str
    metadata: dict[str, Any] | None
    collect_log: bool
    collect_payload: bool
    cache_ttl_s: int
    skip_cache: bool
    cache_key: str
    timeout_s: float | None
    attempts: int
    retry_delay_s: float
    backoff: str
    custom_cost: dict[str, Any]


def controls(given: Mapping[str, str], settings: Mapping[str, Any]) -> Controls:
    """Read the headers (names in lower case) over a gateway's settings."""
    headers = {ALIASES[name]: value for name, value in given.items() if name in ALIASES} | dict(given)
    cache_key = headers.get("cf-aig-cache-key", "")
    timeout_ms = _number(headers, "cf-aig-request-timeout", 1, MAX_TIMEOUT_MS)
    delay_ms = _number(headers, "cf-aig-retry-delay", 0, MAX_DELAY_MS)
    asked_log = _flag(headers, "cf-aig-collect-log")
    return Controls(
        event_id=headers.get("cf-aig-event-id", ""),
        metadata=_metadata(headers.get("cf-aig-metadata", "")),
        collect_log=settings.get("collect_logs") is not False if asked_log is None else asked_log,
        collect_payload=_flag(headers, "cf-aig-collect-log-payload") is not False,
        cache_ttl_s=_ttl_s(headers, settings, keyed=bool(cache_key)),
        skip_cache=_flag(headers, "cf-aig-skip-cache") is True,
        cache_key=cache_key,
        timeout_s=None if timeout_ms is None else timeout_ms / 1000,
        attempts=_number(headers, "cf-aig-max-attempts", 1, MAX_ATTEMPTS) or settings.get("retry_max_attempts") or 1,
        retry_delay_s=_or(delay_ms, settings.get("retry_delay"), DEFAULT_DELAY_MS) / 1000,
        backoff=headers.get("cf-aig-backoff") or settings.get("retry_backoff") or "constant",
        custom_cost=as_object(read_json(headers.get("cf-aig-custom-cost", ""))),
    )


def _ttl_s(headers: Mapping[str, str], settings: Mapping[str, Any], *, keyed: bool) -> int:
    """Return how long a reply is cached: by the header, then by the gateway, then five minutes under a caller's own
    key.

    A TTL of 0 in the header turns caching off, as in the docs' example.
    """
    asked = _number(headers, "cf-aig-cache-ttl", 0, MAX_TTL_S)
    if asked is not None:
        return asked and max(asked, MIN_TTL_S)
    return settings.get("cache_ttl") or (KEYED_TTL_S if keyed else 0)


def _number(headers: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    """Return a whole number, clamped to the bounds; None if it isn't one, or negative."""
    text = headers.get(name, "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return min(max(int(text[:12]), least), most)


def _or(*values: int | None) -> int:
    return next(value for value in values if value is not None)


def _flag(headers: Mapping[str, str], name: str) -> bool | None:
    return {"true": True, "false": False}.get(headers.get(name, "").strip().lower())


def _metadata(text: str) -> dict[str, Any] | None:
    """Return the first five entries. If one is null, an object or an array, none count, as on Cloudflare.

    Names that begin with `cf.` are Cloudflare's own and are dropped.
    """
    given = as_object(read_json(text))
    entries = {name: value for name, value in given.items() if not name.startswith("cf.")}
    plain = all(isinstance(value, str | int | float) and value not in (inf, -inf) for value in given.values())
    return dict(list(entries.items())[:METADATA_ENTRIES]) if entries and plain else None
