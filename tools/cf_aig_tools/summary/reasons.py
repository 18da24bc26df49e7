"""Finds what else changed with a figure: longer answers with higher latency, another mix of calls with higher cost."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from cf_aig_tools.amounts import dollars, seconds
from cf_aig_tools.log_rows import plain
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.tables import cut, shown

LEAST_ROWS = 10
"""Logs on either side of a change that are compared."""

RATIO = 1.25
"""A figure counts as changed if it changed by at least a quarter."""

SHARE = 0.15
"""The share of calls that a metadata value must gain or lose to be named."""

MOST_VALUES = 50
"""A metadata key with more values than this identifies calls rather than kinds of calls."""

CONCENTRATED = 0.8
"""The share of failures with one metadata value from which it is named."""

Value = tuple[str, str]


@dataclass(frozen=True)
class Measured:
    """A figure of calls: its name, how it is computed (None: unknown), and how it is formatted."""

    name: str
    of: Callable[[Sequence[Row]], float | None]
    written: Callable[[float], str] = "{:,.4g}".format


def _mean(rows: Sequence[Row], of: Callable[[Row], float | None]) -> float | None:
    known = [(value, row.weight) for row in rows if (value := of(row)) is not None]
    weight = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / weight if weight else None


def _first_byte(rows: Sequence[Row]) -> float | None:
    known = [row.log.latency for row in rows if row.log.latency is not None]
    return seconds(median(known)) if known else None


def _token_ms(rows: Sequence[Row]) -> float | None:
    """Return milliseconds per output token, after the first byte if that is known."""
    held = [row for row in rows if row.log.tokens_out and row.log.duration]
    tokens = sum(row.log.tokens_out or 0 for row in held)
    spent = sum((row.log.duration or 0) - (row.log.latency or 0) for row in held)
    return round(spent / tokens, 1) if tokens else None


def _thousand_tokens(rows: Sequence[Row]) -> float | None:
    tokens = sum((row.log.tokens_in or 0) + (row.log.tokens_out or 0) for row in rows if row.log.cost)
    return 1000 * sum(row.log.cost or 0 for row in rows) / tokens if tokens else None


TOKENS_IN = Measured("tokens per call", lambda rows: _mean(rows, lambda row: row.log.tokens_in))
TOKENS_OUT = Measured("tokens out per call", lambda rows: _mean(rows, lambda row: row.log.tokens_out))
SLOWNESS = (TOKENS_OUT, Measured("s to the first byte", _first_byte), Measured("ms per token out", _token_ms))
PRICE = (TOKENS_IN, TOKENS_OUT, Measured("per thousand tokens", _thousand_tokens, dollars))


def reasons(before: Sequence[Row], after: Sequence[Row], measures: Sequence[Measured], by: str) -> list[str]:
    """Return what else differs in calls after a change: figures, and the value whose share of calls grew most."""
    if min(len(before), len(after)) < LEAST_ROWS:
        return []
    told = [_compared(measure, before, after) for measure in measures]
    return list(filter(None, [*told, _moved(before, after, by)]))


def _compared(measure: Measured, before: Sequence[Row], after: Sequence[Row]) -> str:
    one, other = measure.of(before), measure.of(after)
    if one is None or other is None:
        return ""
    if max(one, other) < RATIO * min(one, other):
        return f"{measure.name} {measure.written(other)}, unchanged"
    return f"{measure.name} {measure.written(one)} → {measure.written(other)}"


def _moved(before: Sequence[Row], after: Sequence[Row], by: str) -> str:
    one, other = _shares(before), _shares(after)
    moves = [
        (abs(other.get(value, 0) - one.get(value, 0)), other.get(value, 0), value)
        for value in {*one, *other}
        if value[0] != by.removeprefix("metadata.")
    ]
    move, share, top = max(moves, default=(0.0, 0.0, ("", "")))
    return f"{_named(top)} {100 * one.get(top, 0):.0f} → {100 * share:.0f} % of calls" if move >= SHARE else ""


def concentration(failed: Sequence[Row], rows: Sequence[Row]) -> str:
    """Return the metadata value or model that nearly all failures share, but not all calls."""
    if len(failed) < LEAST_ROWS:
        return ""
    one, other = _shares(failed), _shares(rows)
    excess, top = max(((one[value] - other.get(value, 0), value) for value in one), default=(0.0, ("", "")))
    if excess < SHARE or one[top] < CONCENTRATED:
        return ""
    return f"{_named(top)} in {100 * one[top]:.0f} % of failures, {100 * other.get(top, 0):.0f} % of all calls"


def _named(value: Value) -> str:
    return f"{cut(value[0], 30)}={cut(value[1], 200)}"


def _shares(rows: Sequence[Row]) -> dict[Value, float]:
    """Return the share of calls with each metadata value and each model, for keys with few values."""
    weight = sum(row.weight for row in rows) or 1
    shares: dict[Value, float] = defaultdict(float)
    for row in rows:
        for value in _values(row):
            shares[value] += row.weight / weight
    values = Counter(key for key, _ in shares)
    return {value: share for value, share in shares.items() if values[value[0]] <= MOST_VALUES}


def _values(row: Row) -> Iterator[Value]:
    yield "model", row.log.model or ""
    for key, value in row.log.metadata.items():
        yield key, shown(plain(value))
