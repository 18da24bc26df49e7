"""The link to logs as cases, which list_logs includes when more logs match than it shows."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from mcp.types import CallToolResult, ResourceLink

NAMES = (
    "start_date", "end_date", "success", "cached", "provider", "model", "feedback", "search", "metadata", "filters",
)  # fmt: skip
"""The log filters in the link, named as in list_logs; metadata and filters are JSON."""

URI = f"ai-gateway://{{gateway_id}}/cases{{?{','.join(NAMES)}}}"
MIME = "application/jsonl"

MOST_LOGS = 50
MOST_BYTES = 1_000_000

BOUND = f"the newest {MOST_LOGS} logs and {MOST_BYTES:,} bytes"

LINKS_SINCE = "2025-06-18"
"""The protocol version that introduced resource links in results."""

LONGEST = 400
"""Maximum characters of a link, because it costs a model tokens too."""


def with_link(result: CallToolResult, gateway_id: str, asked: Mapping[str, Any]) -> CallToolResult:
    """Return a result with a link to the selected logs, unless the link would be too long."""
    uri = _uri(gateway_id, asked)
    if len(uri) > LONGEST:
        return result
    link = ResourceLink(name="cases", uri=uri, mime_type=MIME, description=f"As JSON lines: {BOUND}")
    return result.model_copy(update={"content": [*result.content, link]})


def _uri(gateway_id: str, asked: Mapping[str, Any]) -> str:
    given = {name: _text(value) for name, value in asked.items() if value not in (None, "", [], {})}
    query = f"?{urlencode(given, quote_via=quote)}" if given else ""
    return f"ai-gateway://{quote(gateway_id, safe='')}/cases{query}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
