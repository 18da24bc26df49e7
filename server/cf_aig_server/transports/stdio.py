"""MCP over stdin and stdout, ended by the end of input or a signal."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import anyio
import mcp.server.stdio
from mcp.server import MCPServer

from cf_aig_gateway.json_text import mended
from cf_aig_server.transports.calls import Calls
from cf_aig_server.transports.signals import on_signal
from cf_aig_tools.desk import Desk

MAX_LINE = 64 * 1024 * 1024
"""Bytes of the longest message that is read."""

LAST_S = 0.3
"""How long calls may go on after the end of the input."""

BYTE_ORDER_MARK = "\ufeff"
"""What shells of Windows begin with."""

WRITE_AHEAD = 1024 * 1024
"""Bytes that may wait for a client that does not read."""


async def serve_stdio(server: MCPServer[Desk]) -> None:
    """Serve until the input ends, or SIGINT or SIGTERM comes; then cancel what is under way."""
    calls = Calls()
    server.middleware.append(calls)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(on_signal, tasks.cancel_scope.cancel)
        async with _streams(calls) as (stdin, stdout), mcp.server.stdio.stdio_server(stdin, stdout) as (read, write):
            lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage] # run_stdio_async takes no streams
            await lowlevel.run(read, write, lowlevel.create_initialization_options())
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def _streams(calls: Calls) -> AsyncGenerator[tuple[Any, Any]]:
    """Yield stdin and stdout as pipes of the event loop; where it has none, a file, and None for the SDK's own.

    The SDK reads and writes through worker threads, which cost 0.2 ms a hop and keep a process from ending on a
    signal until its input closes.
    """
    if sys.platform == "win32" or not (_can_be_watched(0) and _can_be_watched(1)):
        file = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")
        yield _Input(anyio.wrap_file(file), calls), None
        return
    wire_in, wire_out = _claim_descriptors()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE)
    read, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(wire_in, "rb"))
    write, flow = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(wire_out, "wb"))
    try:
        yield _Input(_lines(reader), calls), _Output(write, flow)
    finally:
        read.close()
        write.close()


def _can_be_watched(descriptor: int) -> bool:
    """Whether an event loop can wait for it: not a plain file, nor /dev/null."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


def _claim_descriptors() -> tuple[int, int]:
    """Take stdin and stdout for the protocol: stray prints then go to stderr, and children read nothing."""
    wire_in, wire_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return wire_in, wire_out


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    while line := await reader.readline():
        yield line.decode("utf-8", errors="replace")


class _Input:
    """The client's lines, as the SDK iterates over stdin. Their end waits for the answers to the last of them."""

    def __init__(self, lines: AsyncIterable[str], calls: Calls) -> None:
        self._lines = lines
        self._calls = calls

    async def __aiter__(self) -> AsyncIterator[str]:
        async for line in self._lines:
            yield mended(line.removeprefix(BYTE_ORDER_MARK).encode()).decode()
        await self._calls.answered(LAST_S)


class _Output:
    """A pipe, as the SDK writes to stdout."""

    def __init__(self, transport: asyncio.WriteTransport, flow: asyncio.BaseProtocol) -> None:
        self._transport = transport
        self._flow = cast(Any, flow)
        transport.set_write_buffer_limits(high=WRITE_AHEAD)

    async def write(self, text: str) -> None:
        if not self._transport.is_closing():
            self._transport.write(text.encode())

    async def flush(self) -> None:
        with suppress(ConnectionError):  # a client that died reads no more; the end of its input ends the server
            await self._flow._drain_helper()
