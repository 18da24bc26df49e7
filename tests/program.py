"""The program as users start it: a child process, on a local port."""

import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from anyio import to_thread
from anyio.abc import Process

from cf_aig_server.__main__ import main

PROGRAM = [sys.executable, "-m", "cf_aig_server"]


async def exit_code(*arguments: str) -> int:
    """Run a command in a thread of this process, as it has an event loop of its own; return its exit code."""

    def run() -> int:
        try:
            main(list(arguments))
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return await to_thread.run_sync(run)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def child(command: list[str], **options: Any) -> AsyncGenerator[Process]:
    """Yield a program that ends with the test, whatever fails. It reacts to SIGINT even if this process ignores it."""
    heeds = signal.signal(signal.SIGINT, signal.default_int_handler)  # programs inherit ignored signals
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
    """Yield the running program and its URL. Afterwards it is stopped, and must exit cleanly and silently."""
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
    """Wait for a program that was told to stop, and check that it exits cleanly."""
    assert process.stderr
    with anyio.fail_after(10):
        assert await process.wait() == 0
    said = b"".join([part async for part in process.stderr])
    assert said == b"", said.decode()
