"""What was sent on streams, for clients that reconnect."""

from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.types import JSONRPCMessage


class Events(EventStore):
    """Keeps every event in memory; an event's id is its place."""

    def __init__(self) -> None:
        self._events: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events) - 1)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        last = int(last_event_id)
        stream, _ = self._events[last]
        for place, (other, message) in enumerate(self._events[last + 1 :], last + 1):
            if other == stream and message is not None:
                await send_callback(EventMessage(message, str(place)))
        return stream
