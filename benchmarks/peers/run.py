"""Compares this server with what a reader would write or pick instead: `python benchmarks/peers/run.py [ROUNDS]` (5).

Every server runs in front of one local gateway with the same logs. Each round restarts every server and measures them
in turn, in a different order. Figures are medians over the rounds, with multiples of the SDK's low-level server on the
same transport. The machine may be shared: quote multiples of one run, not milliseconds. The upstream's time is in every
figure. Writes the table to RESULT.md, and to README.md between its marks.
"""

import asyncio
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bpe_openai import get_encoding
from calls import Client, connected
from peers import HERE, ROOT, Peer, installed
from upstream import LOGS, SIZES, seed, serving

IDLE_S = 0.5
"""How long a server rests before its memory is measured."""
TURNS = 3
"""How often each server is measured in a round."""
CALLS, AT_ONCE, MANY = 20, 64, 192
BODIES = {"200 KB": 4, "10 MB": 1}
"""How often each body is read in a turn."""
LONGEST_S = 200
"""No round starts later."""
LISTING = {"name": "list_logs", "arguments": {"per_page": 20}}

START, MEMORY, ONE, RATE, TOKENS = "start", "memory", "one", "rate", "tokens"
HEADINGS = {
    START: "start to first `tools/list`, ms",
    MEMORY: "idle memory, MiB",
    ONE: "`list_logs` of 20, ms",
    RATE: f"calls/s, {AT_ONCE} at once",
    **{size: f"{size} body, ms; reply" for size in BODIES},
    TOKENS: "`list_logs` of 20, tokens",
}
MARKS = re.compile(r"(?<=<!-- bench -->).*?(?=<!-- /bench -->)", re.DOTALL)

Figures = dict[str, dict[str, list[float]]]
"""By name, then by measure, one for each round; `SIZE reply` holds bytes."""


async def _round(peers: list[Peer], environment: dict[str, str], folder: Path, large: dict[str, str]) -> Figures:
    """Start every server, and measure each in turn, a little at a time, so that outside load affects all alike."""
    figures: Figures = defaultdict(lambda: defaultdict(list))
    async with AsyncExitStack() as stack:
        clients: dict[str, Client] = {}
        for peer in peers:
            started = time.perf_counter()
            client, pid = await stack.enter_async_context(
                connected(peer.command, environment, folder / f"errors-{len(clients)}")
            )
            await client.ask("tools/list", {})
            figures[peer.name][START].append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(IDLE_S)
            figures[peer.name][MEMORY].append(_resident_mib(pid))
            figures[peer.name][TOKENS].append(_tokens(_text(await client.ask("tools/call", LISTING))))
            await client.rate("tools/call", LISTING, AT_ONCE, AT_ONCE)
            clients[peer.name] = client
        for _ in range(TURNS):
            for name, client in clients.items():
                figures[name][ONE].append((await _milliseconds(client, LISTING, CALLS))[0])
            for name, client in clients.items():
                figures[name][RATE].append(await client.rate("tools/call", LISTING, AT_ONCE, MANY))
            for size, times in BODIES.items():
                reading = {"name": "get_log_response_body", "arguments": {"log_id": large[size]}}
                for name, client in clients.items():
                    taken, length = await _milliseconds(client, reading, times)
                    figures[name][size].append(taken)
                    figures[name][f"{size} reply"].append(length)
    return figures


async def _milliseconds(client: Client, call: dict[str, Any], times: int) -> tuple[float, int]:
    """Return a call's median time, and the bytes of its reply."""
    taken: list[float] = []
    reply = b""
    for _ in range(times):
        started = time.perf_counter()
        reply = await client.ask("tools/call", call)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), len(reply)


def _script(command: list[str], environment: dict[str, str]) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {ONE: [], TOKENS: []}
    for _ in range(TURNS):
        started = time.perf_counter()
        done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
        figures[ONE].append((time.perf_counter() - started) * 1000)
        figures[TOKENS].append(_tokens(done.stdout))
        if done.stdout.count("\n") != 21:
            raise RuntimeError(f"The script did not print 20 logs: {done.stdout[:300]}")
    return figures


def _text(reply: bytes) -> str:
    """Return the content of a tool's result, from JSON or from an event stream. A link counts as its JSON."""
    data = reply.decode()
    if not data.startswith("{"):
        data = next(line[5:] for line in data.splitlines() if line.startswith("data:") and "result" in line)
    text = "".join(part.get("text") or json.dumps(part) for part in json.loads(data)["result"]["content"])
    ids = len(set(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", text)))
    if ids != 20:
        raise RuntimeError(f"A server told {ids} logs, not 20: {text[:300]}")
    return text


def _tokens(text: str) -> int:
    return len(get_encoding("o200k_base").encode(text, disallowed_special=()))


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def _rounds(rounds: int, peers: list[Peer], script: list[str]) -> Figures:
    figures: Figures = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        large = await seed(folder / "gateway.db")
        with serving(folder / "gateway.db") as environment:
            latest = time.perf_counter() + LONGEST_S
            for number in range(rounds):
                turned = peers[number % len(peers) :] + peers[: number % len(peers)]
                measured = await _round(turned, environment, folder, large)
                measured["script"] = _script(script, environment)
                for name, held in measured.items():
                    for what, values in held.items():
                        figures[name][what] += values
                print(f"round {number + 1} of {rounds}", file=sys.stderr)
                if time.perf_counter() > latest:
                    break
    return figures


def _table(figures: Figures, peers: list[Peer]) -> str:
    medians = {
        name: {what: statistics.median(values) for what, values in held.items()} for name, held in figures.items()
    }
    bases = {peer.name: medians[peer.base] for peer in peers} | {"script": medians["low-level SDK"]}
    lines = ["| | " + " | ".join(HEADINGS.values()) + " |", "|---" * (1 + len(HEADINGS)) + "|"]
    for name in [*(peer.name for peer in peers), "script"]:
        title = "a script, as in Code Mode" if name == "script" else name
        lines.append(f"| {title} | " + " | ".join(_cell(medians[name], bases[name], what) for what in HEADINGS) + " |")
    return "\n".join(lines)


def _cell(held: dict[str, float], base: dict[str, float], what: str) -> str:
    if what not in held:
        return "–"
    cell = _amount(held[what])
    if held is not base:
        cell += f" (×{held[what] / base[what]:.2f})"
    return f"{cell}; {_bytes(held[f'{what} reply'])}" if what in SIZES else cell


def _amount(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _bytes(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} KB"


def _machine() -> str:
    cpus = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpus)
    said = f"{os.cpu_count()} cores, load {os.getloadavg()[2]:.0f}" + (f" ({model[1].strip()})" if model else "")
    return f"{platform.system()} {platform.machine()}, {said}, Python {platform.python_version()}"


def main(rounds: int) -> None:
    """Measure, print, and write the table into the documents."""
    peers, script = installed()
    figures = asyncio.run(_rounds(rounds, peers, script))
    done = len(figures["script"][ONE]) // TURNS
    asked = _tokens(Path(script[1]).read_text())
    result = (
        f"{_table(figures, peers)}\n\n"
        f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}. Medians of {done} interleaved rounds; × is to the low-level SDK "
        "server on the same transport. Other work on the machine slows all of them: compare multiples, not "
        f"milliseconds. The upstream is the local gateway with {LOGS} logs, and its time is in every figure. "
        "Memory is before the first call; `list_logs` is timed one call at a time, and its tokens are those of the "
        "text (o200k). A body is read with each server's defaults: this one fits it into 2,000 tokens and says how to "
        "read on, the others return all of it, twice where they return dicts (as text and as structured content). "
        f"The script is restarted for each question, and a model also writes it: {asked} tokens."
    )
    print(result)
    (HERE / "RESULT.md").write_text(f"# This server beside others\n\nWritten by `make bench`.\n\n{result}\n")
    readme = ROOT / "README.md"
    said = readme.read_text()
    told = MARKS.sub(lambda _: f"\n{result}\n", said)
    if told != said:
        readme.write_text(told)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
