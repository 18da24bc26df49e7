"""Changes are found at the right place, and only where there are some."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from logs import NOON

from cf_aig_tools.summary.changes import Bucket, Change, change, turn


def failures(share: Callable[[int], float], count: int = 60, calls: int = 40, seed: int = 1) -> list[Bucket]:
    """Return minutes of calls. Each fails with the probability that `share` gives for its minute."""
    chance = random.Random(seed)
    minutes = [(NOON + timedelta(minutes=n), share(n)) for n in range(count)]
    return [Bucket(at, calls, sum(chance.random() < part for _ in range(calls))) for at, part in minutes]


def costs(price: Callable[[int], float], seed: int = 1) -> list[Bucket]:
    chance = random.Random(seed)
    minutes = [(NOON + timedelta(minutes=n), price(n)) for n in range(60)]
    return [Bucket(at, 10, sum(chance.lognormvariate(0, 0.8) * each for _ in range(10))) for at, each in minutes]


@pytest.mark.parametrize("start", [1, 5, 30, 58, 59])
def test_a_share_that_rose_is_found_at_its_minute(start: int) -> None:
    found = change(failures(lambda n: 0.6 if n >= start else 0.01), share=True)

    assert found is not None
    assert (found.since, found.until) == (start, 60)
    assert found.before == pytest.approx(0.01, abs=0.02)
    assert found.after == pytest.approx(0.6, abs=0.12)


def test_a_share_that_fell_is_found_too() -> None:
    found = change(failures(lambda n: 0 if n >= 20 else 0.3), share=True)

    assert found is not None
    assert (found.since, found.until, found.after) == (20, 60, 0)


def test_a_temporary_change_has_an_end() -> None:
    found = change(failures(lambda n: 0.5 if 20 <= n < 33 else 0.02), share=True)

    assert found is not None
    assert (found.since, found.until) == (20, 33)


def test_a_price_that_jumped_is_found_although_calls_differ() -> None:
    found = change(costs(lambda n: 0.03 if n >= 25 else 0.01), share=False)

    assert found is not None
    assert abs(found.since - 25) <= 1
    assert found.after / found.before == pytest.approx(3, rel=0.3)


def test_a_price_without_any_noise_is_found() -> None:
    buckets = [Bucket(NOON + timedelta(minutes=n), 10, 1 + (n >= 30)) for n in range(60)]

    assert change(buckets, share=False) == Change(30, 60, 0.1, 0.2)


@pytest.mark.parametrize("seed", range(20))
def test_random_variation_is_not_a_change(seed: int) -> None:
    assert change(failures(lambda _: 0.1, seed=seed), share=True) is None
    assert change(costs(lambda _: 0.01, seed=seed), share=False) is None


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_a_few_simultaneous_failures_are_not_a_change(at_once: int) -> None:
    buckets = [Bucket(NOON + timedelta(minutes=n), 20, at_once * (n == 40)) for n in range(60)]

    assert change(buckets, share=True) is None


def test_a_few_calls_are_enough_for_a_clear_difference() -> None:
    hours = [Bucket(NOON + timedelta(hours=n), 3, 2 * (n >= 10)) for n in range(24)]

    assert change(hours, share=True) == Change(10, 24, 0, 2 / 3)


@pytest.mark.parametrize(
    "buckets",
    [
        [],
        failures(lambda n: n >= 3, count=5),
        failures(lambda n: n >= 3, count=6, calls=2),
        failures(lambda _: 0),
        failures(lambda _: 1),
    ],
)
def test_too_few_calls_or_none_are_not_a_change(buckets: list[Bucket]) -> None:
    assert change(buckets, share=True) is None


def test_a_turn_is_found_among_minutes_by_what_was_before_and_after() -> None:
    minutes = failures(lambda n: 0.5 if n >= 41 else 0.02, calls=8)

    assert abs(turn(minutes, 0.02, 0.5) - 41) <= 1
    assert turn(minutes[:30], 0.02, 0.5) == 30
    assert turn(minutes[45:], 0.02, 0.5) <= 1
