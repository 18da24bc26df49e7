"""The windows of a rate limit, at chosen times."""

import sqlite3

import pytest

from cf_aig_gateway.local.limits import Window
from cf_aig_gateway.local.store_schema import SCHEMA


@pytest.mark.parametrize(("slides", "late"), [(False, [True] * 4 + [False]), (True, [True, True, False, False, False])])
def test_a_sliding_window_still_counts_the_previous_one(slides: bool, late: list[bool]) -> None:
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    window = Window("default", 4, 60_000, slides)

    early = [window.admit(db, 30_000) for _ in range(5)]

    assert early == [True] * 4 + [False]
    assert [window.admit(db, 90_000) for _ in range(5)] == late
    db.close()


def test_gateways_do_not_share_a_window() -> None:
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)

    admitted = [Window(name, 1, 1000, False).admit(db, 0) for name in ("a", "a", "b")]

    assert admitted == [True, False, True]
    db.close()
