"""Compares the local gateway with others that a user might pick: `python benchmarks/gateways/run.py [ROUNDS]` (9).

Portkey (node; stores no bodies) and llm-observe-proxy (stores them; fetches a tokenizer at its first call) are
installed by name into the user's cache folder. All use one upstream on this machine. Each round measures every gateway
in turn, and figures are medians over the rounds. Quote ratios within one run: on a shared machine, figures of two runs
differ by a fifth.
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

from calls import Target, load
from peers import HERE, Running, free_port, installed, running, started

HOME = Path.home() / ".cache/ai-gateway-benchmark"
SECONDS = 0.5
"""How long each measurement of a round lasts."""

Measure = Callable[[Target], Awaitable[float]]


async def _latency(target: Target, size: int = 0) -> float:
    timings, _ = await load(target, target.request(size=size), 1, SECONDS)
    return statistics.median(timing.whole for timing in timings)


async def _latency_200k(target: Target) -> float:
    return await _latency(target, 200_000)


async def _rate_16(target: Target) -> float:
    return (await load(target, target.request(), 16, SECONDS))[1]


async def _rate_64(target: Target) -> float:
    return (await load(target, target.request(), 64, SECONDS))[1]


async def _first_byte(target: Target) -> float:
    timings, _ = await load(target, target.request(stream=True), 32, SECONDS)
    return statistics.median(timing.first for timing in timings)


MEASURES: dict[str, Measure] = {
    "one call, ms": _latency,
    "200 KB call, ms": _latency_200k,
    "calls/s at 16": _rate_16,
    "calls/s at 64": _rate_64,
    "first byte of 32 streams, ms": _first_byte,
}
ADDED = {"one call, ms", "200 KB call, ms"}
"""Measures from which the upstream's own time is subtracted."""

Figures = dict[str, dict[str, list[float]]]


async def _rounds(targets: dict[str, Target], rounds: int) -> Figures:
    figures: Figures = {what: {name: [] for name in targets} for what in MEASURES}
    names = list(targets)
    for number in range(rounds):
        for what, measure in MEASURES.items():
            for place in range(len(names)):
                name = names[(place + number) % len(names)]
                figures[what][name].append(await measure(targets[name]))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return figures


def _table(figures: Figures, gateways: dict[str, Running]) -> None:
    print(f"{'':32}" + "".join(f"{name:>20}" for name in gateways) + "   (ratio to portkey)")
    for what, held in figures.items():
        direct = statistics.median(held["direct"]) if what in ADDED else 0
        said = f"{what} added" if what in ADDED else what
        _line(said, {name: statistics.median(held[name]) - direct for name in gateways})
    _line("start, s", {name: gateway.start_s for name, gateway in gateways.items()})
    _line("peak memory, MiB", {name: gateway.peak_mib() for name, gateway in gateways.items()})


def _line(what: str, values: dict[str, float]) -> None:
    cells = (f"{value:.2f} ({value / values['portkey']:.2f})" for value in values.values())
    print(f"{what:32}" + "".join(f"{cell:>20}" for cell in cells))


def main(rounds: int) -> None:
    """Measure and print."""
    peers = installed(HOME)
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place = Path(folder)
        stack.enter_context(started([sys.executable, str(HERE / "upstream.py"), str(port)], port, place))
        upstream = f"http://127.0.0.1:{port}/v1"
        gateways = {peer.name: stack.enter_context(running(peer, upstream, place / peer.name)) for peer in peers}
        targets = {"direct": Target(port, "/v1/chat/completions")}
        targets |= {name: gateway.target for name, gateway in gateways.items()}
        _table(asyncio.run(_rounds(targets, rounds)), gateways)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 9)
