"""Reads a stored stream event by event and assembles its reply: server-sent events, AWS frames, a JSON array."""

import base64
import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from json.decoder import JSONDecoder
from typing import Any, Protocol

from cf_aig_gateway.formats.errors import Said, shared
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.frames import LEAST, Frame, Frames, is_frames
from cf_aig_gateway.json_text import read_json, shallow
from cf_aig_gateway.shapes import as_object, as_text


class Wire(Protocol):
    """Takes the chunks of a stream and returns its complete events.

    `torn` says what the stream ends in the middle of; `done`, whether `[DONE]` arrived.
    """

    torn: str
    done: bool

    def add(self, chunk: bytes) -> Iterable[Any]:
        """Take a chunk; return the events that it completes."""
        ...

    def end(self) -> Iterable[Any]:
        """Return the events in the last bytes, if complete."""
        ...


class Lines:
    """Server-sent events, each on one line of data."""

    def __init__(self) -> None:
        self.torn = ""
        self.done = False
        self._rest: list[bytes] = []

    def add(self, chunk: bytes) -> list[Any]:
        """Take a chunk; return the events that it completes."""
        self._rest.append(chunk)
        if b"\n" not in chunk:
            return []
        *lines, rest = b"".join(self._rest).split(b"\n")
        self._rest = [rest]
        return self._read(lines)

    def end(self) -> list[Any]:
        """Return the event of a last line without a newline, if complete."""
        last, self._rest = b"".join(self._rest), []
        found = self._read([last])
        if last.strip() and not found and not self.done and not self.torn:
            self.torn = last.decode("utf-8", "replace")
        return found

    def _read(self, lines: Iterable[bytes]) -> list[Any]:
        data = [line[5:].strip() for line in lines if line.startswith(b"data:")]
        if b"[DONE]" in data:
            self.done = True
            data = [line for line in data if line != b"[DONE]"]
        longest = max(data, key=len, default=b"")
        try:
            return shallow(longest, json.loads(b"[" + b",".join(data) + b"]"))
        except (ValueError, RecursionError):
            return [event for line in data for event in self._one(line)]

    def _one(self, line: bytes) -> Iterator[Any]:
        try:
            yield shallow(line, json.loads(line))
        except (ValueError, RecursionError):
            self.torn = line.decode("utf-8", "replace")


class Binary:
    """The frames of AWS, each as `{event type: payload}`, or as the event in base64 in its payload."""

    def __init__(self) -> None:
        self.torn = ""
        self.done = False
        self._frames = Frames()

    def add(self, chunk: bytes) -> Iterator[Any]:
        """Take a chunk; yield the events that it completes."""
        for frame in self._frames.add(chunk):
            yield _event(frame)
        self.torn = self._frames.broken

    def end(self) -> list[Any]:
        """Say what the stream ends in the middle of."""
        self.torn = self._frames.broken or ("a frame" if self._frames.is_torn else "")
        return []


def _event(frame: Frame) -> Body:
    payload = as_object(read_json(frame.payload))
    failed = frame.headers.get(":exception-type") or frame.headers.get(":error-code")
    if failed:
        words = as_text(payload.get("message")) or frame.headers.get(":error-message", "")
        return {"error": {"type": failed, "message": words}}
    if frame.headers.get(":event-type") == "chunk" and "bytes" in payload:
        try:
            return as_object(read_json(base64.b64decode(as_text(payload["bytes"]), validate=True)))
        except ValueError:
            return {}
    return {frame.headers.get(":event-type", ""): payload}


class Array:
    """One JSON array whose items are the events, as Gemini streams without `alt=sse`."""

    def __init__(self) -> None:
        self.torn = ""
        self.done = False
        self._text = ""
        self._decoded = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._tried = 0
        self._decoder = JSONDecoder(strict=False)

    def add(self, chunk: bytes) -> Iterator[Any]:
        """Take a chunk; yield the events that it completes.

        A partial event is tried again once it has doubled in size.
        """
        self._text += self._decoded(chunk)
        if len(self._text) >= 2 * self._tried:
            yield from self._read()

    def end(self) -> Iterator[Any]:
        """Yield the last events, and note what remains."""
        self._text += self._decoded(b"", True)
        yield from self._read()
        self.torn = self._text.strip("[], \r\n\t")
        self.done = not self.torn and self._text.rstrip().endswith("]")

    def _read(self) -> Iterator[Any]:
        at = 0
        try:
            while True:
                start = at + len(self._text[at:]) - len(self._text[at:].lstrip("[, \r\n\t"))
                event, end = self._decoder.raw_decode(self._text, start)
                yield shallow(self._text[start:end], event)
                at = end
        except (ValueError, RecursionError):
            self._text = self._text[at:]
            self._tried = len(self._text)


def wire_of(opening: bytes) -> Wire:
    """Return a reader for a stream with this beginning."""
    if is_frames(opening):
        return Binary()
    return Array() if opening.lstrip().startswith(b"[") else Lines()


class Stream:
    """Takes the chunks of a stream, finds its format by its first event, and assembles its reply."""

    def __init__(self, known: Callable[[Body], Format | None]) -> None:
        self.format: Format | None = None
        self.error: Said | None = None
        self.events = 0
        self._known = known
        self._opening = b""
        self._wire: Wire | None = None
        self._assembly: Assembly | None = None

    def add(self, chunk: bytes) -> None:
        """Take the next chunk."""
        if self._wire is None:
            self._opening += chunk
            if len(self._opening) < LEAST:
                return
            chunk, self._wire = self._opening, wire_of(self._opening)
        for event in self._wire.add(chunk):
            self.take(event)

    def end(self) -> None:
        """Take the end of the stream."""
        if self._wire is None:
            self._wire = wire_of(self._opening)
            for event in self._wire.add(self._opening):
                self.take(event)
        for event in self._wire.end():
            self.take(event)

    def take(self, event: Any) -> None:
        """Take the next event."""
        self.events += 1
        held = as_object(event)
        kind = as_text(held.get("type"))
        if kind == "error" or (held.get("error") and "choices" not in held and not kind):
            self.error = shared(held) or shared({"error": held})
            return
        if self.format is None:
            self.format = self._known(held)
            self._assembly = self.format.assembly() if self.format and self.format.assembly else None
        if self._assembly:
            self._assembly.add(held)

    def reply(self) -> Body:
        """Return what arrived, in the form of a whole reply."""
        return self._assembly.reply() if self._assembly else {}

    @property
    def is_torn(self) -> bool:
        """Whether it stops in the middle of an event."""
        return self._wire is not None and bool(self._wire.torn)

    @property
    def has_ended(self) -> bool:
        """Whether it ended properly."""
        finished = self._assembly is not None and self._assembly.finished
        return self.error is None and (finished or (self._wire is not None and self._wire.done))

    def broken(self) -> str:
        """Say how it failed; empty if it ended properly."""
        came = f"after {self.events:,} event{'s' * (self.events != 1)}"
        wire, assembly = self._wire, self._assembly
        if self.error:
            return f"Errored: the stream ended {came} with an error."
        if wire and wire.torn:
            return f"Broke off: the stream ended {came}, partway through another."
        if assembly and assembly.expects_done and not (wire and wire.done):
            return f"Broke off: the stream ended {came} without [DONE]."
        if not (assembly and (assembly.expects_done or assembly.finished)) and not (wire and wire.done):
            return f"Broke off: the stream ended {came} without its last event."
        return ""
