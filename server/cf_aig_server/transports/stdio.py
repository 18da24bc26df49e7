"""MCP over stdin and stdout, until the input ends or a signal arrives."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self, cast

import anyio
from mcp.server import MCPServer
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)

from cf_aig_gateway.json_text import mended
from cf_aig_server.transports.calls import LISTENING
from cf_aig_server.transports.signals import on_signal

MAX_LINE = 64 * 1024 * 1024
"""Maximum bytes of a message."""

LAST_S = 5.0
"""How long calls may continue after the input ends, if the client still reads, in seconds."""

WRITE_AHEAD = 1024 * 1024
"""Maximum bytes buffered for a client that does not read."""

NO_REQUEST = 'not a JSON-RPC request: jsonrpc must be "2.0", method a string and params an object'

TURN_S = 0.02
"""Seconds between checks, after the input ended, of whether everything is answered."""


async def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve until the input ends and its last requests are answered, or until SIGINT or SIGTERM."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(on_signal, tasks.cancel_scope.cancel)
        async with _wire() as (lines, output):
            answers = _Answers(output)
            lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] # run_stdio_async takes no streams
            await lowlevel.run(cast(Any, _Messages(lines, answers)), answers, lowlevel.create_initialization_options())
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def _wire() -> AsyncGenerator[tuple[AsyncIterator[bytes], "_Pipe | _File"]]:
    """Yield the lines of stdin, and stdout.

    Pipes are handled by the event loop: worker threads cost 0.2 ms per hop, and keep a process from exiting on a signal
    until its input closes. Threads handle what a loop cannot watch.
    """
    in_threads = sys.platform == "win32" or not (_can_be_watched(0) and _can_be_watched(1))
    wire_in, wire_out = _claim_descriptors()
    if in_threads:
        yield aiter(anyio.wrap_file(os.fdopen(wire_in, "rb"))), _File(wire_out)
        return
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE)
    read, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(wire_in, "rb"))
    written, flow = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(wire_out, "wb"))
    try:
        yield _lines(reader), _Pipe(written, flow)
    finally:
        read.close()
        written.close()


def _can_be_watched(descriptor: int) -> bool:
    """Whether an event loop can wait for it; this excludes plain files and /dev/null."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


def _claim_descriptors() -> tuple[int, int]:
    """Reserve stdin and stdout for the protocol: stray prints then go to stderr, and child processes read nothing."""
    wire_in, wire_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return wire_in, wire_out


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while line := await reader.readline():
        yield line


class _Pipe:
    """Stdout as a pipe of the event loop."""

    def __init__(self, transport: asyncio.WriteTransport, flow: asyncio.BaseProtocol) -> None:
        self._transport = transport
        self._flow = cast(Any, flow)
        transport.set_write_buffer_limits(high=WRITE_AHEAD)

    def is_read(self) -> bool:
        """Whether its reader still exists."""
        return not self._transport.is_closing()

    async def write(self, text: bytes) -> None:
        if self.is_read():
            self._transport.write(text)
        with suppress(ConnectionError):  # a client that died reads no more; the end of its input stops the server
            await self._flow._drain_helper()


class _File:
    """Stdout as a file, written in threads."""

    def __init__(self, descriptor: int) -> None:
        self._file = anyio.wrap_file(os.fdopen(descriptor, "wb"))

    def is_read(self) -> bool:
        """Whether written data arrives: always."""
        return True

    async def write(self, text: bytes) -> None:
        await self._file.write(text)
        await self._file.flush()


class _Stream:
    """What the SDK requires of both streams."""

    async def aclose(self) -> None:
        """Do nothing: whoever opened the pipes closes them."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        pass


class _Answers(_Stream):
    """The server's messages on their way to stdout, and the requests that await a response."""

    def __init__(self, output: _Pipe | _File) -> None:
        self._output = output
        self._owed: set[int | str] = set()

    async def send(self, item: SessionMessage) -> None:
        message = item.message
        await self._output.write(message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._owed.discard(cast(int | str, message.id))

    def note(self, message: object) -> None:
        """Record the requests in a client message."""
        match message:
            case JSONRPCRequest() if message.method != LISTENING:
                self._owed.add(message.id)
            case JSONRPCNotification(method="notifications/cancelled", params={"requestId": int() | str() as asked}):
                self._owed.discard(asked)
            case _:
                pass

    async def last(self) -> None:
        """Wait until every request is answered, or nobody reads the answers anymore."""
        with anyio.move_on_after(LAST_S):
            while self._owed and self._output.is_read():  # noqa: ASYNC110 (a look costs less than an event for each)
                await anyio.sleep(TURN_S)


class _Messages(_Stream):
    """The client's messages. When they end, wait until the last of them are answered."""

    def __init__(self, lines: AsyncIterator[bytes], answers: _Answers) -> None:
        self._lines = lines
        self._answers = answers

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            line = await anext(self._lines)
        except StopAsyncIteration:
            await self._answers.last()
            raise
        try:
            message = jsonrpc_message_adapter.validate_json(mended(line), by_name=False)
        except ValueError as error:
            await self._refuse(line)
            return error
        self._answers.note(message)
        return SessionMessage(message)

    async def receive(self) -> SessionMessage | Exception:
        try:
            return await anext(self)
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    async def _refuse(self, line: bytes) -> None:
        """Answer an invalid message that has a request id: the SDK drops it, and its sender would wait forever."""
        match _read(line):
            case {"id": (int() | str()) as request_id, "method": _} if not isinstance(request_id, bool):
                error = ErrorData(code=INVALID_REQUEST, message=NO_REQUEST)
                await self._answers.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=request_id, error=error)))
            case _:
                pass


def _read(line: bytes) -> Any:
    """Return a message that the SDK cannot read, such as one with NaN or nested 200 deep; None if it isn't JSON."""
    try:
        return json.loads(mended(line))
    except (ValueError, RecursionError):
        return None
