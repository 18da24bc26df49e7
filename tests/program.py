"""The program as its users start it: a child process, on a port of this machine."""

import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from anyio.abc import Process

PROGRAM = [sys.executable, "-m", "cf_aig_server"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def child(command: list[str], **options: Any) -> AsyncGenerator[Process]:
    """Yield a program that ends with the test, whatever fails. It heeds SIGINT, even where this process ignores it."""
    heeds = signal.signal(signal.SIGINT, signal.default_int_handler)  # a program inherits that a signal is ignored
    try:
        process = await anyio.open_process(command, **options)
    finally:
        signal.signal(signal.SIGINT, heeds)
    async with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()


@asynccontextmanager
async def served(*options: str) -> AsyncGenerator[tuple[Process, str]]:
    """Yield the program, serving, and its URL; in the end it is told to end, and must end well and in silence."""
    port = free_port()
    async with await anyio.open_process([*PROGRAM, "serve", "--port", str(port), *options], stdout=None) as process:
        with anyio.fail_after(20):
            while process.returncode is None:
                try:
                    await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                    break
                except OSError:
                    await anyio.sleep(0.05)
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.terminate()
            await ended(process)


async def ended(process: Process) -> None:
    """Wait for a program that was told to end, and hold it to a good end."""
    assert process.stderr
    with anyio.fail_after(10):
        assert await process.wait() == 0
    said = b"".join([part async for part in process.stderr])
    assert said == b"", said.decode()
