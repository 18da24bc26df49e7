"""One logged request, as the data plane passes it to the store."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Record:
    """A log with its two bodies, by the API's field names.

    Times are UTC milliseconds, cost is US dollars. None means unknown (tokens, cost) or not stored (bodies).
    """

    id: str
    gateway: str
    created_at: int
    provider: str
    model: str
    success: bool
    status_code: int
    duration: int
    cached: bool = False
    model_type: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    custom_cost: bool = False
    path: str = ""
    step: int = 0
    event_id: str | None = None
    metadata: dict[str, Any] | None = None
    feedback: float | None = None
    score: float | None = None
    request_type: str | None = None
    request_content_type: str | None = None
    response_content_type: str | None = None
    user_agent: str | None = None
    session: str | None = None
    authentication: bool = False
    compatibility_mode: bool = False
    usage_metadata: dict[str, Any] | None = None
    timings: dict[str, Any] | None = None
    request: bytes | None = None
    response: bytes | None = None

    def size(self) -> int:
        """Return about how many bytes of memory the record takes while it waits to be written."""
        return 1024 + len(self.request or b"") + len(self.response or b"")
