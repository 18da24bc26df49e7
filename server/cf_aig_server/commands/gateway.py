"""Serve the local gateway over HTTP, for an application to point its base URL at."""

import re
import socket
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import uvicorn

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local import pricing
from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.providers.live import Live
from cf_aig_gateway.local.store import Store
from cf_aig_server.transports.signals import on_signal

HOST = "127.0.0.1"
ACCOUNT = "0" * 32
DRAIN_S = 5
"""How long calls in flight may go on after a signal."""

PROVIDER = re.compile(r"(?P<name>[a-z0-9-]{1,64})=(?P<url>https?://[^\s/]+\S*)")


def run(db: Path, *, port: int, token: str | None, log_lag_s: float, live: bool, providers: Sequence[str]) -> None:
    """Serve until the process is told to end.

    Raises:
        GatewayError: a provider is not NAME=URL, or the file cannot be used.
        OSError: the file cannot be made, or the port is taken.

    """
    urls = dict(_provider(text) for text in providers)
    anyio.run(_serve, Store(db, log_lag_s=log_lag_s), Live(urls, everything=live), token, port)


class _Server(uvicorn.Server):
    """uvicorn, without its own signal handling: it would die of the signal before the store is closed."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True


async def _serve(store: Store, live: Live, token: str | None, port: int) -> None:
    async with store, live:
        app = build_app(store, token=token, upstream=live)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=DRAIN_S
        )
        server = _Server(config)
        with socket.create_server((HOST, port), backlog=2048) as listening:
            url = f"http://{HOST}:{listening.getsockname()[1]}/v1/{ACCOUNT}/default"
            print(f"AI Gateway on {url}", file=sys.stderr, flush=True)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(on_signal, server.stop)
                tasks.start_soon(anyio.to_thread.run_sync, pricing.load)
                await server.serve([listening])
                tasks.cancel_scope.cancel()


def _provider(text: str) -> tuple[str, str]:
    found = PROVIDER.fullmatch(text)
    if found is None:
        raise GatewayError(f"--provider {text!r} is not NAME=URL, as openai=http://127.0.0.1:9000/v1.")
    return found["name"], found["url"]
