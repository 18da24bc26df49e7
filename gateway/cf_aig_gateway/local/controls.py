"""What a caller asks of the gateway itself: the `cf-aig-*` headers of a request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cf_aig_gateway.shapes import as_object

METADATA_ENTRIES = 5


@dataclass(frozen=True)
class Controls:
    """The headers read; None where a gateway's own setting holds. A header that makes no sense is as good as absent."""

    event_id: str = ""
    metadata: dict[str, Any] | None = None
    collect_log: bool | None = None
    collect_payload: bool = True


def controls(headers: Mapping[str, str]) -> Controls:
    """Read the headers (names in lower case)."""
    return Controls(
        event_id=headers.get("cf-aig-event-id", ""),
        metadata=_metadata(headers.get("cf-aig-metadata", "")),
        collect_log=_flag(headers.get("cf-aig-collect-log", "")),
        collect_payload=_flag(headers.get("cf-aig-collect-log-payload", "")) is not False,
    )


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.strip().lower())


def _metadata(text: str) -> dict[str, Any] | None:
    """Return the first five entries; one that is null, an object or an array voids all, as on Cloudflare.

    Names that begin with `cf.` are Cloudflare's own and dropped.
    """
    try:
        given = as_object(json.loads(text)) if text else {}
    except (ValueError, RecursionError):
        return None
    entries = {name: value for name, value in given.items() if not name.startswith("cf.")}
    first = dict(list(entries.items())[:METADATA_ENTRIES])
    plain = all(isinstance(value, str | int | float) for value in given.values())
    return first if first and plain else None
