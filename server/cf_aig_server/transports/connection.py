"""An HTTP connection with timeouts and strict parsing of headers."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024
"""Maximum bytes of request headers."""

_ONCE = {b"host", b"origin", b"authorization", b"x-auth-key", b"content-type", b"content-encoding"}
"""Headers that decide who may call and how a body is read; duplicates would be ambiguous."""


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, closed if the request headers take longer than `head_s` seconds or are too large."""

    head_s = 10.0
    _overdue: asyncio.TimerHandle | None = None
    _in_head = False
    _head = 0
    _size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head = self._size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Accept a header; an error is answered with 400."""
        value = value.rstrip(b" \t")  # RFC 9110 (5.5): surrounding whitespace is not part of the value
        known = name.lower()
        if known in _ONCE and any(known == other for other, _ in self.headers):
            raise ValueError("a header that may appear once appears twice")
        if known == b"transfer-encoding" and value.lower() != b"chunked":
            raise ValueError("the only supported transfer-encoding is chunked")
        self._size += len(name) + len(value)
        if self._size > MAX_HEAD:
            raise ValueError("the head is too large")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Accept the end of the headers; an error is answered with 400."""
        version = self.parser.get_http_version()  # pyright: ignore[reportOptionalMemberAccess] # it is what calls
        if version not in ("1.0", "1.1"):
            raise ValueError("this version of HTTP is not supported")
        if version == "1.0" and any(name == b"transfer-encoding" for name, _ in self.headers):
            raise ValueError("HTTP/1.0 has no chunks")
        if not self.url.startswith(b"/") and self.url != b"*":
            raise ValueError("a full URL is only for proxies; its host differs from the Host header")
        super().on_headers_complete()
        self._in_head = False

    def data_received(self, data: bytes) -> None:
        goes_on = self._in_head
        super().data_received(data)
        if goes_on and self._in_head:
            self._head += len(data)
            if self._head > MAX_HEAD:
                self.send_400_response("The request headers are too large.")
        answering = self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]
        if answering:
            self._stop_awaiting()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_awaiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        """Start the timeout; data that arrives in pieces does not extend it."""
        if self._overdue is None:
            self._overdue = self.loop.call_later(self.head_s, self.timeout_keep_alive_handler)

    def _stop_awaiting(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None
