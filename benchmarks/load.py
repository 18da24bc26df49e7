"""Many callers at once: `load.py [--callers 256] [--minutes 10] [--faults 0.02] [--transport http] [--seed N]`.

Starts the MCP server over Streamable HTTP or stdio, on an upstream that is as slow as real ones (median 30 ms,
sometimes seconds) and fails at the given rate. Each caller asks only for its own logs, and checks each answer for its
own mark. Prints calls, latencies, early refusals, wrong answers, answers to the wrong caller, the server's memory over
time, and its descriptors and threads before and after.
"""

import argparse
import asyncio
import json
import os
import random
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

PAUSE_S = 0.2
CALL_S = 70
IDLE_S = 40
"""After which connections that nobody uses are closed."""
MARK = re.compile(r"caller\d{3}turn\d{6}")
BODY = 20_000
"""Characters of a log's body."""


class Upstream:
    """A stand-in for the API that makes logs from their ids; heavy-tailed latency, with faults."""

    def __init__(self, faults: float, seed: int) -> None:
        self.faults = faults
        self.chance = random.Random(seed)
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests until it closes or a fault closes it."""
        try:
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                if not await self.answer(line.split()[1].decode(), writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answer(self, path: str, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False after a fault that ends the connection."""
        self.asked += 1
        await asyncio.sleep(min(0.03 * self.chance.paretovariate(1.3), 8))
        body = self.body(path)
        status = "200 OK"
        if self.chance.random() < self.faults:
            match self.chance.randrange(4):
                case 0:
                    return False
                case 1:
                    status, body = "503 Service Unavailable", b"<html>down</html>"
                case 2:
                    status = "429 Too Many Requests"
                    body = b'{"success":false,"errors":[{"code":10429,"message":"slow down"}]}'
                case _:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])
                    return False
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        return True

    def body(self, path: str) -> bytes:
        """Return the requested log, with its id in every text, or one of its bodies."""
        parts = path.partition("?")[0].split("/logs/")[-1].split("/")
        mark = parts[0]
        if len(parts) > 1:
            said = f"{mark} " * (BODY // (len(mark) + 1))
            return json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": said}]}).encode()
        log = {
            "id": mark,
            "created_at": "2026-11-21T12:00:00Z", "provider": "openai", "model": f"m-{mark}", "path": "chat",
            "success": True, "cached": False, "status_code": 200, "duration": 812, "tokens_in": 5, "tokens_out": 3,
            "cost": 0.01, "metadata": json.dumps({"user": mark}), "request_content_type": "application/json",
            "response_content_type": "application/json", "request_size": BODY, "response_size": BODY,
        }  # fmt: skip
        return json.dumps({"success": True, "errors": [], "messages": [], "result": log}).encode()


class Figures:
    """What happened."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.errors: Counter[str] = Counter()
        self.memory: list[int] = []
        self.held: list[str] = []


Ask = Callable[[dict[str, Any]], Awaitable[httpx2.Response]]
"""Sends a JSON-RPC message; returns its answer, or raises TransportError."""


async def caller(number: int, ask: Ask, until: float, figures: Figures, seed: int) -> None:
    """Call until the end, each time for a log that no other caller asks for."""
    chance = random.Random(seed + number)
    turn = 0
    while time.monotonic() < until:
        turn += 1
        mark = f"caller{number:03}turn{turn:06}"
        tool = chance.choice(("get_log_details", "get_log_request_body"))
        call = {"name": tool, "arguments": {"log_id": mark}}
        message = {"jsonrpc": "2.0", "id": mark, "method": "tools/call", "params": call}
        began = time.monotonic()
        try:
            answer = await ask(message)
        except httpx2.TransportError as error:
            figures.told[f"no answer: {type(error).__name__} after {time.monotonic() - began:.0f} s"] += 1
            continue
        figures.told[verdict(answer, mark, figures)] += 1
        figures.seconds.append(time.monotonic() - began)
        await asyncio.sleep(float(answer.headers.get("retry-after", 0)) or chance.expovariate(1 / PAUSE_S))


def verdict(answer: httpx2.Response, mark: str, figures: Figures) -> str:
    """Classify an answer: correct, refused early, a proper error, wrong, or another caller's."""
    if answer.status_code == 503:
        return "refused early" if answer.headers.get("retry-after") else "WRONG: 503 without when to come back"
    if answer.status_code != 200:
        return f"WRONG: {answer.status_code}"
    text = answer.text
    data = next((line[5:] for line in text.splitlines() if line.startswith("data:")), text)
    told = json.loads(data)
    if told.get("id") != mark:
        return "WRONG: another id"
    said = json.dumps(told.get("result", told))
    if set(MARK.findall(said)) - {mark}:
        return "WRONG: another caller's log"
    if told.get("result", {}).get("isError"):
        figures.errors[told["result"]["content"][0]["text"].replace(mark, "…")[:90]] += 1
        return "error in words"
    return "right" if mark in said else "WRONG: not the log"


def resident(pid: int) -> int:
    """Return the memory of a process, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


async def watch(pid: int, figures: Figures) -> None:
    """Record the memory every second."""
    while True:
        figures.memory.append(resident(pid))
        await asyncio.sleep(1)


async def run(given: argparse.Namespace) -> Figures:
    """Start the upstream, the server and the callers."""
    figures, upstream = Figures(), Upstream(given.faults, given.seed)
    listener = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, backlog=1024)
    api = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    environment = {
        **os.environ, "CLOUDFLARE_BASE_URL": api, "CLOUDFLARE_ACCOUNT_ID": "0" * 32, "CLOUDFLARE_API_TOKEN": "t",
        "AI_GATEWAY_LOGS": "gateway",
    }  # fmt: skip
    program = [sys.executable, "-m", "cf_aig_server", "serve", "--transport", given.transport]
    opened = (
        over_http(program, environment, given.callers)
        if given.transport == "http"
        else over_stdio(program, environment)
    )
    async with opened as (server, ask):
        await caller(0, ask, time.monotonic() + 2, Figures(), given.seed)
        figures.held.append(held(server.pid))
        watching = asyncio.create_task(watch(server.pid, figures))
        until = time.monotonic() + 60 * given.minutes
        await asyncio.gather(*(caller(n, ask, until, figures, given.seed) for n in range(given.callers)))
        watching.cancel()
        await asyncio.sleep(IDLE_S)
        figures.held.append(held(server.pid))
    figures.told[f"requests upstream: {upstream.asked:,}"] = 0
    figures.told[f"server ended with {server.returncode}"] = 0
    listener.close()
    return figures


@asynccontextmanager
async def over_http(
    program: list[str], environment: dict[str, str], callers: int
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, Ask]]:
    """Yield the server on a port, and what asks it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = await asyncio.create_subprocess_exec(*program, "--port", str(port), env=environment)
    limits = httpx2.Limits(max_connections=callers + 10, max_keepalive_connections=callers + 10)
    accepts = {"accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=accepts, timeout=CALL_S, limits=limits
    ) as http:
        while True:
            try:
                await http.get("/healthz")
                break
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
        yield server, lambda message: http.post("/mcp", json=message)
    server.terminate()
    await server.wait()


@asynccontextmanager
async def over_stdio(
    program: list[str], environment: dict[str, str]
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, Ask]]:
    """Yield the server over pipes, and what asks it."""
    server = await asyncio.create_subprocess_exec(
        *program, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26
    )
    lines, said = server.stdin, server.stdout
    assert lines and said
    waiting: dict[str, asyncio.Future[str]] = {}

    async def listen() -> None:
        while line := await said.readline():
            waiting[json.loads(line)["id"]].set_result(line.decode())

    async def ask(message: dict[str, Any]) -> httpx2.Response:
        answer = waiting[message["id"]] = asyncio.get_running_loop().create_future()
        lines.write(json.dumps(message).encode() + b"\n")
        await lines.drain()
        try:
            return httpx2.Response(200, text=await asyncio.wait_for(answer, CALL_S))
        except TimeoutError as error:
            raise httpx2.ReadTimeout("no answer") from error
        finally:
            del waiting[message["id"]]

    listening = asyncio.create_task(listen())
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "load", "version": "1"}}
    await ask({"jsonrpc": "2.0", "id": "0", "method": "initialize", "params": client})
    lines.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    yield server, ask
    lines.close()
    await server.wait()
    await listening


def held(pid: int) -> str:
    """Return how many descriptors and threads a process has."""
    descriptors, threads = (len(list(Path(f"/proc/{pid}/{what}").iterdir())) for what in ("fd", "task"))
    return f"{descriptors} descriptors, {threads} threads"


def main() -> None:
    """Run, print figures, and fail if an answer was wrong."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--callers", type=int, default=256)
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--faults", type=float, default=0.02)
    asked.add_argument("--transport", choices=("http", "stdio"), default="http")
    asked.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    given = asked.parse_args()
    print(f"seed {given.seed}, {given.callers} callers, {given.minutes} minutes, {given.faults:.0%} faults", flush=True)
    figures = asyncio.run(run(given))
    for what, count in figures.told.most_common():
        print(f"{count:>9,} {what}")
    for what, count in figures.errors.most_common(8):
        print(f"{count:>9,}   error: {what}")
    taken = sorted(figures.seconds)
    shares = {share: taken[min(len(taken) - 1, int(share * len(taken)))] for share in (0.5, 0.9, 0.99, 1.0)}
    print("seconds:", ", ".join(f"{share:.0%} {value:.2f}" for share, value in shares.items()))
    print("calls a second:", round(len(taken) / (60 * given.minutes), 1))
    tenth = max(1, len(figures.memory) // 10)
    print("memory in MiB:", figures.memory[::tenth], "most", max(figures.memory))
    print("before:", figures.held[0] + f"; {IDLE_S} s after the last call:", figures.held[1])
    sys.exit(any(what.startswith(("WRONG", "no answer")) for what in figures.told))


if __name__ == "__main__":
    main()
