"""Runs cases from a seed against a target, and mutants of each: those cost a hundredth of a new case."""

import sys
from collections.abc import Callable
from random import Random
from typing import Any
from unittest.mock import patch
from zlib import crc32

from fuzzing.readers import Target
from fuzzing.values import KNOWN, NASTY, NUMBERS
from hypothesis import HealthCheck, Phase, given, seed, settings

BATCH = 2000
"""Cases per run of Hypothesis, which keeps all of a run in memory."""


def run(
    target: Target, cases: int, start: int, *, mutants: int = 0, counted: Callable[[], None] = lambda: None
) -> None:
    """Try this many cases, each with its mutants. Shrink a failure, and raise it with its case."""

    def check(case: Any) -> None:
        chance = Random(crc32(repr(case).encode("utf-8", "replace")))
        for number in range(mutants + 1):
            counted()
            check_case(target, mutant(case, chance) if number else case)

    for begun in range(0, cases, BATCH):
        bounds = settings(
            max_examples=min(BATCH, cases - begun),
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        with one_recursion_limit():
            seed(start + begun)(bounds(given(target.cases)(check)))()


def check_case(target: Target, case: Any) -> None:
    """Check one case; a failure says which."""
    try:
        target.check(case)
    except Exception as error:
        error.add_note(f"with {case!r:.2000}")
        raise


def one_recursion_limit() -> Any:
    """Keep the recursion limit while a `with` block runs.

    Hypothesis lowers it after each case, and Python 3.11 aborts if another thread is deeper by then.
    """
    return patch.object(sys, "setrecursionlimit")


def mutant(value: Any, chance: Random) -> Any:
    """Return a value of the same kind that differs in some of its parts."""
    if isinstance(value, tuple):
        return tuple(mutant(part, chance) for part in value)
    if isinstance(value, dict):
        return mutant_object(value, chance)
    if isinstance(value, list):
        parts = [mutant(part, chance) for part in value for _ in range(chance.choice((0, 1, 1, 1, 1, 1, 1, 2)))]
        return chance.sample(parts, len(parts)) if chance.random() < 0.1 else parts
    if chance.random() < 0.6 or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return mutant_text(value, chance)
    if isinstance(value, bytes):
        return mutant_text(value.decode("latin-1"), chance).encode("latin-1", "replace")
    return abs(int(chance.choice(NUMBERS[:6]))) if isinstance(value, int) else value


def mutant_object(value: dict[Any, Any], chance: Random) -> dict[Any, Any]:
    held = {name: mutant(part, chance) for name, part in value.items() if chance.random() > 0.05}
    if len(held) > 1 and chance.random() < 0.3:
        first, second = chance.sample(list(held), 2)
        held[first], held[second] = held[second], held[first]
    return held


def mutant_text(value: str, chance: Random) -> str:
    start, end = sorted((chance.randrange(len(value) + 1), chance.randrange(len(value) + 1)))
    match chance.randrange(5):
        case 0:
            return value[:start] + value[end:]
        case 1:
            return value[:end] + value[start:]
        case 2:
            return value[:start] + chr(chance.randrange(256)) + value[start + 1 :]
        case 3:
            return value[:start] + chance.choice(NASTY) + value[start:]
        case _:
            return chance.choice(KNOWN)
