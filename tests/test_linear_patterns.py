"""Every regular expression of ours runs in linear time, whatever a stranger writes.

Patterns are collected from every module. Each is run on its worst texts: what it repeats, many times, before something
that it can't match. RE2's patterns are linear by construction.
"""

import dataclasses
import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from re import _constants as codes  # pyright: ignore[reportAttributeAccessIssue]
from re import _parser as parser  # pyright: ignore[reportAttributeAccessIssue]
from types import ModuleType
from typing import Any

import pytest

import cf_aig_gateway
import cf_aig_server
import cf_aig_tools

PACKAGES = (cf_aig_gateway, cf_aig_tools, cf_aig_server)
ANCHORED = {"match", "fullmatch"}
OTHERWISE = {"array": {"match"}}
"""How patterns that are passed on under another name are used."""

SIZES = (5, 20, 80, 320, 1280, 5120)
"""Numbers of repeats. The first are small enough for exponential time."""

MOST = 40
"""The most texts for one pattern."""

MEASURABLE_S = 0.02
TIMES = 10
"""How much longer a text of four times the length may take: 4 is linear, 16 is quadratic."""
DOUBTFUL = 5
"""The factor above which it is measured again."""


WRITTEN = re.compile(r"\bre\.(?:sub|search|match|fullmatch|finditer)\((\w+),")
"""A pattern that is used by its text, and compiled with its first use."""


def modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def patterns_in(value: Any, place: str, seen: set[int]) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield the patterns in a module's value, with their locations."""
    if isinstance(value, re.Pattern):
        yield place, value
        return
    if isinstance(value, str | bytes | int | ModuleType) or id(value) in seen:
        return
    seen.add(id(value))
    for name, held in held_by(value):
        yield from patterns_in(held, f"{place}.{name}", seen)


def held_by(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), held) for key, held in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((str(number), held) for number, held in enumerate(value))
    elif isinstance(value, type):
        yield from vars(value).items()
    elif dataclasses.is_dataclass(value):
        names = {field.name for field in dataclasses.fields(value)}
        names |= {name for name, held in vars(type(value)).items() if isinstance(held, cached_property)}
        yield from ((name, getattr(value, name)) for name in sorted(names))


def ours() -> dict[str, re.Pattern[Any]]:
    """Return every pattern in the packages, by location."""
    found: dict[str, re.Pattern[Any]] = {}
    seen: set[int] = set()
    for module in modules():
        for name in set(WRITTEN.findall(inspect.getsource(module))) & vars(module).keys():
            found[f"{module.__name__}.{name}"] = re.compile(vars(module)[name])
        for name, value in vars(module).items():
            if isinstance(value, type) and not value.__module__.startswith("cf_aig"):
                continue
            for place, pattern in patterns_in(value, f"{module.__name__}.{name}", seen):
                if id(pattern) not in map(id, found.values()):
                    found[place] = pattern
    return found


PATTERNS = ours()
SOURCE = "\n".join(
    path.read_text() for package in PACKAGES for path in Path(package.__path__[0]).rglob("*.py") if path.suffix == ".py"
)


def use_of(place: str, pattern: re.Pattern[Any]) -> Callable[[Any], Any]:
    """Return the worst use of a pattern: matching at one place if it is never searched for, otherwise searching."""
    name = place.rsplit(".", 1)[-1]
    uses = OTHERWISE.get(name) or set(re.findall(rf"\b{re.escape(name)}\.(\w+)\(", SOURCE))
    uses &= ANCHORED | {"search", "finditer", "findall", "sub", "subn", "split"}
    if uses and uses <= ANCHORED:
        return pattern.fullmatch if uses == {"fullmatch"} else pattern.match
    return lambda text: sum(1 for _ in pattern.finditer(text))


def letter(items: Any) -> str:
    """Return a letter in a set."""
    negated = any(code is codes.NEGATE for code, _ in items)
    for candidate in map(chr, [*range(97, 123), *range(48, 58), *range(32, 127), 10, 9, 0x200B, 0xE001, 0x1F600]):
        if any(has(item, candidate) for item in items) is not negated:
            return candidate
    return next(chr(argument[0]) for code, argument in items if code is codes.RANGE)


def has(item: Any, candidate: str) -> bool:
    code, argument = item
    if code is codes.LITERAL:
        return argument == ord(candidate)
    if code is codes.RANGE:
        return argument[0] <= ord(candidate) <= argument[1]
    if code is codes.CATEGORY:
        return re.fullmatch(CATEGORIES[argument], candidate) is not None
    return False


CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}
REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)


def least(tree: Any, groups: dict[int, str]) -> str:
    """Return a shortest text that a part of a pattern matches."""
    return "".join(least_of(code, argument, groups) for code, argument in tree)


def least_of(code: Any, argument: Any, groups: dict[int, str]) -> str:
    if code is codes.LITERAL:
        return chr(argument)
    if code is codes.NOT_LITERAL:
        return "a" if argument != ord("a") else "b"
    if code is codes.IN:
        return letter(argument)
    if code is codes.ANY:
        return "a"
    if code is codes.BRANCH:
        return min((least(branch, groups) for branch in argument[1]), key=len)
    if code is codes.SUBPATTERN:
        groups[argument[0]] = least(argument[3], groups)
        return groups[argument[0]]
    if code is codes.ATOMIC_GROUP:
        return least(argument, groups)
    if code in REPEATS:
        return least(argument[2], groups) * argument[0]
    return groups.get(argument, "") if code is codes.GROUPREF else ""


def repeated(tree: Any, before: str) -> Iterator[tuple[str, str]]:
    """Yield each repeated part: the text before it, and one repeat, outermost first."""
    for code, argument in tree:
        if code in REPEATS:
            for one in ones(argument[2]):
                yield before, one
            yield from repeated(argument[2], before)
        elif code is codes.SUBPATTERN:
            yield from repeated(argument[3], before)
        elif code is codes.ATOMIC_GROUP:
            yield from repeated(argument, before)
        elif code is codes.BRANCH:
            for branch in argument[1]:
                yield before + least(branch, {}), least(branch, {})
                yield from repeated(branch, before)
        elif code in (codes.ASSERT, codes.ASSERT_NOT):
            yield from repeated(argument[1], before)
        before += least_of(code, argument, {})


def ones(tree: Any) -> Iterator[str]:
    """Yield shortest texts for one repeat: for each branch, and with each optional part once."""
    yield least(tree, {})
    for code, argument in tree:
        if code is codes.BRANCH:
            yield from (least(branch, {}) for branch in argument[1])
        elif code is codes.SUBPATTERN:
            yield from ones(argument[3])
        elif code in REPEATS:
            yield from ones(argument[2])


def attacks(pattern: re.Pattern[Any]) -> list[tuple[str, str, str]]:
    """Return texts in three parts, of which the middle one will be repeated."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    parts = [(before, one) for before, one in repeated(tree, "") if one]
    whole = least(tree, {})
    found = {("", whole, end) for end in ("", "\x00") if whole}
    for before, one in parts:
        found |= {(before, one, "\x00"), ("", one, "\x00"), ("", before + one, "\x00"), ("", before + one, "")}
    found |= {(before, one + other, "\x00") for before, one in parts[:6] for _, other in parts[:6] if other != one}
    return sorted(found)[:: max(1, len(found) // MOST)]


def seconds(use: Callable[[Any], Any], text: Any, times: int = 1) -> float:
    """Return the shortest of several measurements of this thread's CPU time."""
    taken: list[float] = []
    for _ in range(times):
        start = time.thread_time()
        use(text)
        taken.append(time.thread_time() - start)
    return min(taken)


def growth(
    use: Callable[[Any], Any], attack: tuple[str, str, str], kind: type, sizes: tuple[int, ...] = SIZES
) -> float:
    """Return how much longer four times the repeats take, at the first measurable size; otherwise 0.

    What looks slower than linear is measured three more times, to rule out a pause of the machine.
    """
    before, one, end = attack
    last, shorter = 0.0, None
    for count in sizes:
        repeats = before + one * count + end
        text = repeats.encode("latin-1", "replace") if kind is bytes else repeats
        now = seconds(use, text)
        if now > MEASURABLE_S and shorter is not None:
            return now / last if now < DOUBTFUL * last else seconds(use, text, 3) / seconds(use, shorter, 3)
        last, shorter = now, text
    return 0.0


def test_patterns_are_found_in_modules_in_tables_and_in_objects() -> None:
    assert len(PATTERNS) > 150
    assert {place.split(".")[0] for place in PATTERNS} == {package.__name__ for package in PACKAGES}
    assert any("secret_kinds" in place or "key_shapes" in place for place in PATTERNS)


@pytest.mark.parametrize(
    "pattern", [r"(a+)+$", r"(?:a|a)*b", r"\s+$", r"a[^b]*b", r"(\w+\s*)+:", r"x.*?y.*?z", r"\d+(?=%)"]
)
def test_a_nonlinear_pattern_is_detected(pattern: str) -> None:
    compiled = re.compile(pattern)

    def use(text: str) -> None:
        for _ in compiled.finditer(text):
            pass

    assert any(growth(use, attack, str) > TIMES for attack in attacks(compiled))


LARGER = {"cf_aig_tools.reading.skeleton._NUMBERS": (1280, 5120)}
"""Sizes for a pattern that looks ahead up to 160 numbers, and looks nonlinear below that."""


@pytest.mark.parametrize("place", sorted(PATTERNS))
def test_a_pattern_is_linear(place: str) -> None:
    pattern = PATTERNS[place]
    use = use_of(place, pattern)

    slow = [
        (attack, round(ratio, 1))
        for attack in attacks(pattern)
        if (ratio := growth(use, attack, type(pattern.pattern), LARGER.get(place, SIZES))) > TIMES
    ]

    assert slow == []
