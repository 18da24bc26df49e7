"""A short run of the fuzzer, from a fixed seed and from a fresh one. `benchmarks/fuzz.py` is the long one."""

import random
from pathlib import Path

import pytest
from fuzzing.readers import TARGETS
from fuzzing.running import run
from fuzzing.servers import targets

CASES = 400
MUTANTS = 5
SEEDS = {"fixed": 20261121, "fresh": random.SystemRandom().randrange(2**32)}


@pytest.mark.parametrize("kind", SEEDS)
@pytest.mark.parametrize("name", [target.name for target in TARGETS])
def test_readers_take_anything(name: str, kind: str) -> None:
    print(f"seed {SEEDS[kind]}")  # noqa: T201 (shown when it fails)
    target = next(target for target in TARGETS if target.name == name)

    run(target, CASES * target.share // 1000, SEEDS[kind], mutants=MUTANTS)


@pytest.mark.parametrize("kind", SEEDS)
def test_servers_answer_anything(kind: str, tmp_path: Path) -> None:
    print(f"seed {SEEDS[kind]}")  # noqa: T201 (shown when it fails)
    with targets(tmp_path) as found:
        for target in found:
            run(target, CASES * target.share // 1000, SEEDS[kind], mutants=MUTANTS)
