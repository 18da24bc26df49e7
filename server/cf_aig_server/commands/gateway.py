"""Serves the local gateway over HTTP, as a base URL for applications."""

import gc
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.applications import Starlette

from cf_aig_gateway import pricing
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local.app import LogSystem, build_app
from cf_aig_gateway.local.providers.live import Live
from cf_aig_gateway.local.store import Store
from cf_aig_server.page.beside import Beside
from cf_aig_server.transports.web import serve_app

HOST = "127.0.0.1"
ACCOUNT = "0" * 32
ALIAS = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,64})=(?P<models>[^\s,]+(,[^\s,]+)*)")
PROVIDER = re.compile(r"(?P<name>[a-z0-9-]{1,64})=(?P<url>https?://[^\s/]+\S*)")


def run(
    db: Path,
    *,
    port: int,
    token: str | None,
    log_lag_s: float,
    live: bool,
    providers: Sequence[str],
    logs: LogSystem = "gateway",
    aliases: Sequence[str] = (),
) -> None:
    """Serve until the process is told to stop.

    Raises:
        GatewayError: a provider is not NAME=URL, an alias is not NAME=MODELS, or the file cannot be used.
        OSError: the file cannot be created, or the port is in use.

    """
    urls, models = dict(map(_provider, providers)), dict(map(_alias, aliases))
    pricing.load_library()
    live_, store = Live(urls, everything=live), Store(db, log_lag_s=log_lag_s)
    make = partial(build_app, store, token=token, upstream=live_, logs=logs, aliases=models)
    loop = {"use_uvloop": sys.platform != "win32"}
    anyio.run(_serve, store, live_, make, port, token or "", backend_options=loop)


async def _serve(store: Store, live: Live, make: Callable[[], Starlette], port: int, token: str) -> None:
    async with store, live, anyio.create_task_group() as tasks:

        def listening(port: int) -> None:
            _announce(port)
            tasks.start_soon(anyio.to_thread.run_sync, _warm_up, live)

        await serve_app(Beside(make(), tasks, token), HOST, port, listening=listening)
        tasks.cancel_scope.cancel()


def _warm_up(live: Live) -> None:
    """Load what the first call needs, and make the garbage collector run rarely and skip long-lived objects.

    A call creates thousands of objects and leaves none; collecting took a fifth of its time.
    """
    live.load()
    pricing.load()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def _announce(port: int) -> None:
    print(f"AI Gateway on http://{HOST}:{port}/v1/{ACCOUNT}/default", file=sys.stderr, flush=True)
    print(f"See its calls: http://{HOST}:{port}/", file=sys.stderr, flush=True)


def _alias(text: str) -> tuple[str, list[str]]:
    found = ALIAS.fullmatch(text)
    if found is None:
        raise GatewayError(
            f"--alias {text!r} is not NAME=MODEL,MODEL, such as small=openai/gpt-4o-mini,@cf/meta/llama-3.1-8b."
        )
    return found["name"], found["models"].split(",")


def _provider(text: str) -> tuple[str, str]:
    found = PROVIDER.fullmatch(text)
    if found is None:
        raise GatewayError(f"--provider {text!r} is not NAME=URL, such as openai=http://127.0.0.1:9000/v1.")
    return found["name"], found["url"]
