"""Server-sent events: what a stored stream says, event by event."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass
class Ending:
    """How far a stream came: its events, the end of an incomplete one, and whether `[DONE]` was said."""

    events: int = 0
    torn: str = ""
    done: bool = False


class Events:
    """Takes the chunks of a stream and returns the JSON of its events as they are whole."""

    def __init__(self) -> None:
        self.ending = Ending()
        self._rest = b""

    def add(self, chunk: bytes) -> list[dict[str, Any]]:
        """Take a chunk; return the events that it completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return self._read(lines)

    def end(self) -> list[dict[str, Any]]:
        """Return the event of a last line without its end, when that is whole."""
        last, self._rest = self._rest, b""
        found = self._read([last])
        if last.strip() and not found and not self.ending.done and not self.ending.torn:
            self.ending.torn = last.decode("utf-8", "replace")
        return found

    def _read(self, lines: Iterable[bytes]) -> list[dict[str, Any]]:
        data = [line[5:].strip() for line in lines if line.startswith(b"data:")]
        if b"[DONE]" in data:
            self.ending.done = True
            data = [line for line in data if line != b"[DONE]"]
        self.ending.events += len(data)
        try:
            found = json.loads(b"[" + b",".join(data) + b"]")
        except (ValueError, RecursionError):
            found = [event for line in data for event in self._one(line)]
        return [event for event in found if isinstance(event, dict)]

    def _one(self, line: bytes) -> Iterable[Any]:
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            self.ending.events -= 1
            self.ending.torn = line.decode("utf-8", "replace")
