"""The figures in SECURITY.md: `python benchmarks/promises.py [--rounds 20] [RECORDINGS]`.

Prints how many made-up secrets are masked, how much of recorded exchanges is (RECORDINGS: a folder of `*.jsonl.gz`),
what attempts to speak for the server achieve in how many results, and what was tried of an upstream's faults. The
attempts are planted in another order in every round, so that each of them reaches other places.
"""

import argparse
import gzip
import json
import random
import re
import sys
from collections import Counter
from itertools import cycle
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from hostile_calls import CALLS, ROWS, WORLDS, client_of
from injection import ATTEMPTS, Hostile, texts_in, wrong_in
from secrets_corpus import KEYS, NAMED, cases, shown

from cf_aig_tools.reading.masking import Masker, marks

ROOT = Path(__file__).parent.parent
SEEDS = 10


def secrets() -> str:
    """Return how many made-up secrets are masked."""
    masker, tried, kept = Masker(), 0, Counter[str]()
    for seed in range(SEEDS):
        for case in cases(seed):
            tried += 1
            kept[case.kind] += bool(shown(case.secret, masker.mask(case.text)))
    missed = ", ".join(f"{kind} {count}" for kind, count in kept.most_common(4))
    return (
        f"secrets: {len(KEYS) + len(NAMED)} kinds × 6 places × {SEEDS} seeds = {tried:,} texts, "
        f"{1 - kept.total() / tried:.2%} masked; most often missed: {missed}"
    )


def recorded(folder: Path) -> str:
    """Return how much of recorded exchanges is masked."""
    masker, size, found = Masker(), 0, Counter[str]()
    for path in sorted(folder.glob("*.jsonl.gz")):
        text = gzip.decompress(path.read_bytes()).decode()
        size += len(text)
        found += marks(masker.mask(text)) - marks(text)
    return f"recordings: {size:,} characters, {found.total()} masked {dict(found) or ''}".rstrip()


async def attempts(rounds: int) -> str:
    """Return what attempts to speak in the server's voice achieve."""
    results = texts = wrong = 0
    for number in range(rounds):
        order = random.Random(number).sample(ATTEMPTS, len(ATTEMPTS))
        for kind in WORLDS.values():
            world = Hostile(**kind, attempts=cycle(order))
            async with client_of(world) as client:
                for tool, calls in CALLS.items():
                    for arguments in calls:
                        result = await client.call_tool(tool, arguments)
                        text = "\n".join(part.text for part in result.content if part.type == "text")
                        held = {**(result.structured_content or {}), "text": "", "reply": "", "tool_calls": ""}
                        found = [*wrong_in(text, in_cells=tool in ROWS)]
                        found += [each for said in texts_in(held) for each in wrong_in(f"value {said}", in_cells=True)]
                        results, wrong = results + 1, wrong + bool(found)
                        for each in found:
                            print(f"  {tool} {arguments}: {each}")
            texts += world.said
    return (
        f"attempts: {len(set(ATTEMPTS))}, planted {texts:,} times, read in {results:,} results of {len(CALLS)} tools; "
        f"{wrong} speak for the server or hide"
    )


def faults() -> str:
    """Return what was tried of an upstream's faults, as the table that the tests make has it."""
    text = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    outcomes = Counter[str]()
    for said, tools, when in re.findall(r"^\| (.+?) \| ([a-z_, ]+) \| (at once|the limit) \|", text, re.MULTILINE):
        told = "answered" if said == "(answers)" else "stopped at the limit" if when == "the limit" else "refused"
        outcomes[told] += tools.count(",") + 1
    return f"faults: {text.count(chr(10) + '## ')}, met {outcomes.total():,} times: {json.dumps(outcomes)}"


def main() -> None:
    """Print each figure as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    print(secrets(), flush=True)
    if given.recordings:
        print(recorded(given.recordings), flush=True)
    print(faults(), flush=True)
    print(anyio.run(attempts, given.rounds))


if __name__ == "__main__":
    main()
