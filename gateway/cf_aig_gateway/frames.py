"""The binary event stream of AWS (application/vnd.amazon.eventstream), frame by frame.

A frame consists of its length and its headers' length (four bytes each, big-endian), their CRC, the headers, the
payload, and the CRC of everything before it: docs.aws.amazon.com/transcribe/latest/dg/event-stream.html, read
2026-11-27. botocore reads this too, but is 15 MB.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"

LEAST = 16
"""Bytes of an empty frame."""

MOST = 24 * 1024 * 1024
"""Bytes of the longest frame: 16 MiB of payload and 128 KiB of headers, with room to spare."""

STRING = 7
"""The type of a header whose value is a string."""

_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type. Types 6 and 7 begin with a length."""


@dataclass(frozen=True)
class Frame:
    """One event: its string headers, and its payload."""

    headers: dict[str, str]
    payload: bytes


class Frames:
    """Takes the chunks of a stream and returns its complete frames.

    `broken` says why no more can be read: the first damaged frame ends the stream.
    """

    def __init__(self) -> None:
        self.broken = ""
        self._rest = bytearray()

    @property
    def is_torn(self) -> bool:
        """Whether the stream stops in the middle of a frame."""
        return bool(self._rest)

    def add(self, chunk: bytes) -> Iterator[Frame]:
        """Take a chunk; yield the frames that it completes."""
        self._rest += chunk
        while not self.broken and len(self._rest) >= LEAST - 4:
            size, head = struct.unpack_from(">II", self._rest)
            if crc32(self._rest[:8]) != struct.unpack_from(">I", self._rest, 8)[0]:
                self.broken = "the checksum of a frame's lengths is wrong"
            elif not LEAST <= size <= MOST or head > size - LEAST:
                self.broken = "a frame's lengths are impossible"
            elif len(self._rest) < size:
                return
            else:
                frame = self._frame(bytes(self._rest[:size]), head)
                del self._rest[:size]
                if frame:
                    yield frame

    def _frame(self, data: bytes, head: int) -> Frame | None:
        if crc32(data[:-4]) != struct.unpack(">I", data[-4:])[0]:
            self.broken = "the checksum of a frame is wrong"
            return None
        try:
            return Frame(dict(_headers(data[12 : 12 + head])), data[12 + head : -4])
        except (ValueError, struct.error):
            self.broken = "a frame's headers cannot be read"
            return None


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name, kind = data[at + 1 : name_end].decode(), data[name_end] if name_end < len(data) else -1
        start = name_end + 1
        if kind in (6, STRING):
            (size,) = struct.unpack_from(">H", data, start)
            start += 2
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError(f"no header has the type {kind}")
        if start + size > len(data):
            raise ValueError("a header is longer than the headers")
        if kind == STRING:
            yield name, data[start : start + size].decode()
        at = start + size


def is_frames(opening: bytes) -> bool:
    """Whether a body begins like such a stream: with lengths that match their checksum."""
    return len(opening) >= LEAST - 4 and crc32(opening[:8]) == struct.unpack_from(">I", opening, 8)[0]


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """Return one frame with string headers."""
    head = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", STRING, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack(">II", LEAST + len(head) + len(payload), len(head))
    begun = lengths + struct.pack(">I", crc32(lengths)) + head + payload
    return begun + struct.pack(">I", crc32(begun))
