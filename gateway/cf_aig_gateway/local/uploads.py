"""Bodies that aren't JSON: passed on unchanged, and logged by kind and size."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from cf_aig_gateway.json_text import write_json

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_PARTS = 100
"""The most parts of a form that are listed."""

MOST_READ = 1000
"""The most parts of a form that are read. A million would block the event loop for seconds."""

MOST_TEXT = 1000
"""The most bytes of a form field that is logged by value. A longer one is logged by size."""

BINARY = ("audio/", "image/", "video/", "application/octet-stream", "application/pdf", "application/zip")


class _TooMany(Exception):
    """A form has more parts than are read."""


@dataclass
class _Part:
    headers: dict[str, str] = field(default_factory=dict[str, str])
    start: bytes = b""
    size: int = 0

    def note(self) -> dict[str, Any]:
        _, options = parse_options_header(self.headers.get("content-disposition", ""))
        named = {name: value.decode("utf-8", "replace") for name, value in _wanted(options).items()}
        kind = self.headers.get("content-type", "")
        if "filename" not in named and not kind and self.size <= MOST_TEXT:
            return {**named, "value": self.start.decode("utf-8", "replace")}
        return {**named, **({"content_type": kind} if kind else {}), "bytes": self.size}


def _wanted(options: dict[bytes, bytes]) -> dict[str, bytes]:
    return {name.decode("latin-1"): value for name, value in options.items() if name in {b"name", b"filename"}}


class _Form:
    """Collects what the parser finds: each part's headers, size, and first bytes."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.count = 0
        self.is_whole = False
        self._part = _Part()
        self._name = b""
        self._value = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_header_field": self._add_name,
            "on_header_value": self._add_value,
            "on_header_end": self._header,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if self.count == MOST_READ:
            raise _TooMany
        self.count += 1
        self._part = _Part()
        if self.count <= MOST_PARTS:
            self.parts.append(self._part)

    def _data(self, data: bytes, start: int, end: int) -> None:
        room = max(0, MOST_TEXT - len(self._part.start))
        self._part.start += data[start : min(end, start + room)]
        self._part.size += end - start

    def _end(self) -> None:
        self.is_whole = True

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        self._part.headers[self._name.decode("latin-1").lower()] = self._value.decode("utf-8", "replace")
        self._name = self._value = b""


def note(content_type: str, body: bytes) -> dict[str, Any]:
    """Return what is logged for a request's body. A form's model is beside its parts."""
    kind = content_type.partition(";")[0].strip().lower() or "unknown"
    held: dict[str, Any] = {"content_type": kind, "bytes": len(body)}
    return held | _form(content_type, body) if kind == "multipart/form-data" else held


def _form(content_type: str, body: bytes) -> dict[str, Any]:
    boundary = parse_options_header(content_type.encode("latin-1", "replace"))[1].get(b"boundary")
    if not boundary:
        return {"broken": "the content type names no boundary"}
    form = _Form()
    try:
        parser = MultipartParser(boundary, form.callbacks())
        parser.write(body)
        parser.finalize()
        broken = "" if form.is_whole else "it ends before its last boundary"
    except _TooMany:
        broken = f"it has more than {MOST_READ} parts"
    except FormParserError as error:
        broken = str(error)
    parts = [part.note() for part in form.parts]
    model = next((part["value"] for part in parts if part.get("name") == "model" and "value" in part), "")
    return {
        **({"model": model} if model else {}),
        "parts": parts,
        **({"more_parts": form.count - len(parts)} if form.count > len(parts) else {}),
        **({"broken": broken} if broken else {}),
    }


def logged_reply(content_type: str, body: bytes) -> bytes:
    """Return what is logged for a reply: pictures, sounds and files by kind and size, everything else unchanged."""
    kind = content_type.partition(";")[0].strip().lower()
    return write_json({"content_type": kind, "bytes": len(body)}) if kind.startswith(BINARY) else body
