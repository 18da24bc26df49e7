"""The compared gateways: how each is installed, started and called, and how much memory it takes."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from calls import Target, load

HERE = Path(__file__).parent
ACCOUNT = "0" * 32
OURS = "gateway --port {port} --db {folder}/gateway.db --provider openai={upstream}"
START_S = 60
"""How long a gateway may take to start."""


@dataclass(frozen=True)
class Peer:
    """A gateway. `{port}`, `{upstream}` and `{folder}` are filled in in its command, headers and environment."""

    name: str
    command: list[str]
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    environment: dict[str, str] = field(default_factory=dict[str, str])


def installed(home: Path) -> list[Peer]:
    """Install the other gateways into a folder if needed, and return all gateways, ours first."""
    portkey = home / "node_modules/@portkey-ai/gateway/build/start-server.js"
    if not portkey.exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text('{"private": true}')
        subprocess.run(["npm", "install", "--silent", "@portkey-ai/gateway@1.15.2"], cwd=home, check=True)
    observe = home / "observe/bin/llm-observe-proxy"
    if not observe.exists():
        subprocess.run([sys.executable, "-m", "venv", home / "observe"], check=True)
        subprocess.run([home / "observe/bin/pip", "install", "--quiet", "llm-observe-proxy==0.7.0"], check=True)
    return [
        Peer(
            "ours",
            [sys.executable, "-m", "cf_aig_server", *OURS.split()],
            f"/v1/{ACCOUNT}/default/openai/chat/completions",
        ),
        Peer(
            "portkey",
            ["node", "--import", str(HERE / "readable_headers.mjs"), str(portkey), "--port={port}", "--headless"],
            headers={"x-portkey-provider": "openai", "x-portkey-custom-host": "{upstream}"},
            environment={"NODE_ENV": "production"},
        ),
        Peer(
            "observe",
            [str(observe), "--port", "{port}", "--upstream-url", "{upstream}"],
            environment={"LLM_OBSERVE_DATABASE_URL": "sqlite:///{folder}/observe.sqlite3"},
        ),
    ]


@dataclass(frozen=True)
class Running:
    """A running gateway. `start_s` is the time from its start to its first answered chat, in seconds."""

    target: Target
    process: subprocess.Popen[bytes]
    start_s: float

    def peak_mib(self) -> float:
        """Return its peak memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def running(peer: Peer, upstream: str, folder: Path) -> Generator[Running]:
    """Run a gateway in front of an upstream."""
    folder.mkdir()
    filling = {"port": str(free_port()), "upstream": upstream, "folder": str(folder)}
    environment = {name: value.format(**filling) for name, value in peer.environment.items()}
    headers = {name: value.format(**filling) for name, value in peer.headers.items()}
    target = Target(int(filling["port"]), peer.path, headers)
    command = [part.format(**filling) for part in peer.command]
    spawned = time.perf_counter()
    with started(command, target.port, folder, environment) as process:
        asyncio.run(load(target, target.request(), connections=1, seconds=0))
        yield Running(target, process, time.perf_counter() - spawned)


@contextmanager
def started(
    command: list[str], port: int, folder: Path, environment: dict[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """Run a server, its port open, until the block ends."""
    latest = time.perf_counter() + START_S
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | (environment or {}),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            while not _is_open(port):
                if process.poll() is not None or time.perf_counter() > latest:
                    raise RuntimeError(f"{command[0]} did not start: {(folder / 'output').read_text()[-500:]}")
                time.sleep(0.005)
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """Return a free loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
