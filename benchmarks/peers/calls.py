"""Cheap clients, so that the server's time dominates: JSON-RPC over pipes and over Streamable HTTP."""

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp

LINE = 1 << 26
"""The most bytes of a reply."""
START_S = 60
KEPT_S = 2
"""Seconds for which an idle connection is reused; uvicorn closes it after 5."""
CLIENT = {"name": "bench", "version": "1"}
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Client(Protocol):
    """Asks a server."""

    async def ask(self, method: str, params: dict[str, Any]) -> bytes:
        """Return the reply to one request, unparsed."""
        ...

    async def rate(self, method: str, params: dict[str, Any], at_once: int, count: int) -> float:
        """Return requests per second, with this many in progress at any time."""
        ...


class Stdio:
    """A client over a process's pipes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.sent = 0

    def send(self, method: str, params: dict[str, Any]) -> None:
        """Send a request."""
        self.sent += 1
        self.writer.write(_message(self.sent, method, params) + b"\n")

    async def reply(self) -> bytes:
        """Return the next reply, to any request. Notifications are skipped."""
        while line := await self.reader.readline():
            if b'"id"' in line[:100]:
                return _good(line)
        raise RuntimeError("A server ended.")

    async def greet(self) -> None:
        """Initialize the session."""
        self.send("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT})
        await self.reply()
        self.writer.write(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')

    async def ask(self, method: str, params: dict[str, Any]) -> bytes:
        """Return the reply to one request, unparsed."""
        self.send(method, params)
        return await self.reply()

    async def rate(self, method: str, params: dict[str, Any], at_once: int, count: int) -> float:
        """Return requests per second, with this many in progress at any time."""
        started = time.perf_counter()
        for _ in range(at_once):
            self.send(method, params)
        for number in range(count):
            await self.reply()
            if number < count - at_once:
                self.send(method, params)
        return count / (time.perf_counter() - started)


class Http:
    """A client over Streamable HTTP, with the sessionless protocol."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url
        self.sent = 0

    async def ask(self, method: str, params: dict[str, Any]) -> bytes:
        """Return the reply to one request, unparsed."""
        self.sent += 1
        headers = {
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
            "mcp-protocol-version": MODERN,
            "mcp-method": method,
        }
        if "name" in params:
            headers["mcp-name"] = params["name"]
        data = _message(self.sent, method, params | {"_meta": META})
        async with self.session.post(self.url, data=data, headers=headers) as answer:
            return _good(await answer.read())

    async def rate(self, method: str, params: dict[str, Any], at_once: int, count: int) -> float:
        """Return requests per second, with this many in progress at any time."""

        async def several() -> None:
            for _ in range(count // at_once):
                await self.ask(method, params)

        started = time.perf_counter()
        await asyncio.gather(*(several() for _ in range(at_once)))
        return count // at_once * at_once / (time.perf_counter() - started)


@asynccontextmanager
async def connected(
    command: list[str], environment: dict[str, str], errors: Path
) -> AsyncGenerator[tuple[Client, int]]:
    """Run a server until the block ends; yield a client and the process's id.

    A command with `{port}` in it serves HTTP on that port; any other, stdio.
    """
    port = _free_port()
    is_http = any("{port}" in part for part in command)
    pipe = asyncio.subprocess.DEVNULL if is_http else asyncio.subprocess.PIPE
    with errors.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(part.format(port=port) for part in command),
            env=os.environ | environment,
            stdin=pipe,
            stdout=pipe,
            stderr=output,
            limit=LINE,
        )
    try:
        if is_http:
            await _listening(process, port)
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_S)
            async with aiohttp.ClientSession(connector=connector) as session:
                yield Http(session, f"http://127.0.0.1:{port}/mcp"), process.pid
        else:
            assert process.stdin
            assert process.stdout
            client = Stdio(process.stdout, process.stdin)
            await client.greet()
            yield client, process.pid
    except (RuntimeError, ConnectionError) as error:
        said = errors.read_text()[-2000:]  # noqa: ASYNC240 (the run ends here)
        raise RuntimeError(f"{' '.join(command)}: {error}\n{said}") from error
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _message(id_: int, method: str, params: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id_, "method": method, "params": params}).encode()


def _good(reply: bytes) -> bytes:
    if b'"result"' not in reply[:200] or b'"isError":true' in reply[-200:] + reply[:200]:
        raise RuntimeError(f"A server refused: {reply[:500]!r}")
    return reply


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    latest = time.perf_counter() + START_S
    while process.returncode is None and time.perf_counter() < latest:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            await asyncio.sleep(0.005)
        else:
            writer.close()
            return
    raise RuntimeError("A server did not start.")
