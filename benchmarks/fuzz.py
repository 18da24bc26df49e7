"""Millions of hostile inputs: `fuzz.py [--cases 1000000] [--minutes 0] [--seed N] [--only NAME …]`.

The properties are those of tests/fuzzing, which tries a few cases in each test run. A failure is shrunk and printed
with its case, and the other targets continue. The seed is printed: the same seed tries the same cases.
"""

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
from itertools import count
from pathlib import Path

import stamina

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fuzzing.readers import TARGETS, Target
from fuzzing.running import run
from fuzzing.servers import targets

MUTANTS = 40
"""Mutants of each case that Hypothesis makes."""

ROUND = 10_000
"""Cases of all targets together in one turn."""


def tried(target: Target, cases: int, seed: int) -> tuple[int, str]:
    """Return how many cases were tried, and what failed."""
    counter = count()
    try:
        run(target, -(-cases // (MUTANTS + 1)), seed, mutants=MUTANTS, counted=lambda: next(counter) and None)
    except Exception:  # noqa: BLE001 (any exception is a finding)
        return next(counter), traceback.format_exc()
    return next(counter), ""


def resident() -> str:
    """Return the memory of this process and its children, in MiB."""
    mine = str(os.getpid())
    children = Path(f"/proc/{mine}/task/{mine}/children").read_text().split()
    pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in (mine, *children))
    return " + ".join(f"{held * os.sysconf('SC_PAGE_SIZE') >> 20}" for held in pages)


def main() -> None:
    """Try the cases, and print figures by target."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--cases", type=int, default=1_000_000)
    asked.add_argument("--minutes", type=float, default=0, help="0: no limit")
    asked.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    asked.add_argument("--only", nargs="*", default=[])
    given = asked.parse_args()
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    at_once = stamina.set_testing(True, attempts=2, cap=True)
    with at_once, tempfile.TemporaryDirectory() as folder, targets(Path(folder)) as servers:
        chosen = [target for target in [*TARGETS, *servers] if not given.only or target.name in given.only]
        shares = sum(target.share for target in chosen)
        figures = {target.name: [0, 0.0] for target in chosen}
        failed: dict[str, str] = {}
        until = began + 60 * given.minutes if given.minutes else float("inf")
        for turn in range(-(-given.cases // ROUND)):
            for target in chosen:
                if time.monotonic() > until:
                    break
                start = time.monotonic()
                done, fault = tried(target, max(1, ROUND * target.share // shares), given.seed + turn * ROUND)
                figures[target.name][0] += done
                figures[target.name][1] += time.monotonic() - start
                if fault and target.name not in failed:
                    failed[target.name] = fault
                    print(f"FAILED {target.name} in turn {turn}\n{fault}", flush=True)
            if time.monotonic() > until:
                break
            so_far = int(sum(cases for cases, _ in figures.values()))
            print(f"turn {turn}: {so_far:,} cases, {time.monotonic() - began:.0f} s, {resident()} MiB", flush=True)
    for name, (cases, took) in figures.items():
        rate = f"{cases / max(took, 0.001):8,.0f}/s"
        print(f"{name:12} {int(cases):>9,} cases {took:7.1f} s {rate}", "FAILED" * (name in failed))
    total = sum(cases for cases, _ in figures.values())
    print(
        f"total        {int(total):>9,} cases {time.monotonic() - began:7.1f} s, {len(failed)} of {len(figures)} failed"
    )
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
