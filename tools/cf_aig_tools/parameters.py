"""Parameters that several tools share, and how their values are read."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from cf_aig_gateway.errors import GatewayError

GatewayId = Annotated[str, Field(description="Gateway id, from list_gateways; default the configured one")]
LogId = Annotated[str, Field(description="Log id, from list_logs or chat_via_gateway")]
Page = Annotated[int, Field(ge=1)]
PerPage = Annotated[int, Field(ge=1, le=50, description="Rows, at most 50")]

_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: datetime) -> datetime:
    """Read ISO 8601 (UTC unless it says otherwise), or a span back from now: 90m, 24h, 7d.

    Raises:
        GatewayError: it is neither.

    """
    if span := _SPAN.fullmatch(text.strip().lower()):
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise GatewayError(
            f"{text[:80]!r} is no date: give ISO 8601 (2026-11-21T23:00Z) or a span back from now (90m, 24h, 7d)."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def wire_date(moment: datetime) -> str:
    """Return the form that the API takes: 2026-11-21T23:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
