"""How fast and how well the server ends: every transport, era and cause, idle and with ten calls in flight.

    .venv/bin/python benchmarks/endings.py [--times 50] [--only stdio]

Prints a line for each case: median and slowest time from the cause to the exit (ms), and what went wrong: an exit code
other than 0, output on stderr, a process left behind. Over HTTP, calls in flight get 5 s to end; these never do.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import httpx2

MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "endings", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "endings", "version": "0"}}
ERAS = ("2025-11-25", "2026-07-28")
CALLS = 10
IN_FLIGHT_S = 0.2
"""Time for ten calls to start."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--only", choices=["stdio", "http", "sse"])
    given = parser.parse_args()
    for transport, how, era, busy in cases():
        if given.only in {None, transport}:
            name = f"{transport:<6}{how:<8}{era:<11}{'busy' if busy else 'idle'}"
            report(name, [ended(transport, how, era, busy) for _ in range(given.times)])


def cases() -> Iterator[tuple[str, str, str, bool]]:
    yield from product(["stdio"], ["input", "client", "SIGINT", "SIGTERM"], ERAS, [False, True])
    yield from product(["http"], ["SIGINT", "SIGTERM"], ERAS, [False, True])
    yield from product(["sse"], ["SIGINT", "SIGTERM"], ["2025-11-25"], [False, True])


def report(name: str, runs: list[tuple[float, list[str]]]) -> None:
    times = sorted(1000 * seconds for seconds, _ in runs)
    wrong = Counter(fault for _, faults in runs for fault in faults)
    said = ", ".join(f"{count} x {fault}" for fault, count in wrong.items()) or "nothing wrong"
    print(f"{name}  n={len(runs)}  median {median(times):.0f} ms  slowest {times[-1]:.0f} ms  {said}", flush=True)


def ended(transport: str, how: str, era: str, busy: bool) -> tuple[float, list[str]]:
    """Stop one server; return how long it took in seconds, and what went wrong."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as clients:
        program = [sys.executable, "-m", "cf_aig_server", "serve", "--local", str(Path(folder, "g.db"))]
        if transport == "stdio":
            process = start(program)
            speak(process, era, busy)
        else:
            port = free_port()
            process = start([*program, "--transport", transport, "--port", str(port)])
            clients.enter_context(web_client(f"http://127.0.0.1:{port}", transport, era, busy))
        time.sleep(IN_FLIGHT_S)
        begun = time.perf_counter()
        end(process, how)
        code = process.wait(timeout=30)
        return time.perf_counter() - begun, faults(process, code)


def start(command: list[str]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)


def end(process: subprocess.Popen[bytes], how: str) -> None:
    assert process.stdin
    assert process.stdout
    if how in {"input", "client"}:
        process.stdin.close()
    if how == "client":
        process.stdout.close()
    if how.startswith("SIG"):
        process.send_signal(signal.Signals[how])


def faults(process: subprocess.Popen[bytes], code: int) -> list[str]:
    assert process.stderr
    said = process.stderr.read()
    found = [f"exit code {code}"] if code else []
    found += [f"stderr {said[-2000:]!r}"] if said else []
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return found
    return [*found, "a process left behind"]


def messages(era: str, busy: bool) -> list[dict[str, Any]]:
    """Return the messages of a client of that era: a greeting and, with `busy`, ten calls that hang."""
    hang = {"name": "chat_via_gateway", "arguments": {"model": "openai/gpt-4o", "prompt": "[simulate: hang]"}}
    calls = [("tools/call", hang)] * CALLS * busy
    if era == ERAS[0]:
        return [request(number, *sent) for number, sent in enumerate([("initialize", HELLO), *calls])]
    greeting: tuple[str, dict[str, Any]] = ("server/discover", {})
    return [request(n, method, params | {"_meta": MODERN}) for n, (method, params) in enumerate([greeting, *calls])]


def request(number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def speak(process: subprocess.Popen[bytes], era: str, busy: bool) -> None:
    assert process.stdin
    assert process.stdout
    hello, *calls = messages(era, busy)
    process.stdin.write(json.dumps(hello).encode() + b"\n")
    process.stdin.flush()
    process.stdout.readline()
    if era == ERAS[0]:
        process.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    for call in calls:
        process.stdin.write(json.dumps(call).encode() + b"\n")
    process.stdin.flush()


@contextmanager
def web_client(url: str, transport: str, era: str, busy: bool) -> Iterator[None]:
    """Stay connected as a client does, with its calls in flight and its stream open."""
    with (
        httpx2.Client(base_url=url, transport=httpx2.HTTPTransport(retries=8), timeout=30) as http,
        ExitStack() as held,
    ):
        hello, *calls = messages(era, busy)
        path = "/mcp"
        if transport == "sse":
            stream = held.enter_context(http.stream("GET", "/sse"))
            lines = stream.iter_lines()  # the stream is closed with its iterator
            path = next(line for line in lines if line.startswith("data: ")).removeprefix("data: ")
        http.post(path, json=hello, headers=headers(hello, era)).raise_for_status()
        for call in calls:
            if transport == "sse":
                http.post(path, json=call)
            else:
                held.enter_context(unanswered(url, path, call, era))
        yield


@contextmanager
def unanswered(url: str, path: str, call: dict[str, Any], era: str) -> Iterator[None]:
    """Send one call, and don't wait for an answer."""
    built = httpx2.Request("POST", url + path, json=call, headers=headers(call, era))
    head = "".join(f"{name}: {value}\r\n" for name, value in built.headers.items())
    with socket.create_connection(("127.0.0.1", built.url.port or 80)) as wire:
        wire.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + built.read())
        yield


def headers(message: dict[str, Any], era: str) -> dict[str, str]:
    held = {"accept": "application/json, text/event-stream", "mcp-protocol-version": era}
    if era == ERAS[1]:
        held |= {"mcp-method": message["method"], "mcp-name": message["params"].get("name", "")}
    return held


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
