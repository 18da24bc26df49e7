"""One line of a summary, for a group or for all calls: figures, earlier figures, and changes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from cf_aig_tools.amounts import counted, dollars, seconds, significant, spent
from cf_aig_tools.log_rows import usage_of
from cf_aig_tools.prompt_cache import LEAST, saved
from cf_aig_tools.steps import Answered
from cf_aig_tools.summary.figures import TIMES, Figures, percentiles, total
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.summary.sources import Question, Reading, Sources
from cf_aig_tools.summary.splits import Pair, split
from cf_aig_tools.tables import Cell


@dataclass(frozen=True)
class Side:
    """Figures of calls, and the logs that were read of them."""

    figures: Figures = Figures()  # noqa: RUF009 (it cannot change)
    rows: Sequence[Row] = ()

    @cached_property
    def seconds(self) -> tuple[float | None, float | None]:
        """The median and the 95th percentile of durations."""
        p50, p95 = percentiles(self.rows)
        return (None if p50 is None else seconds(p50), None if p95 is None else seconds(p95))

    @cached_property
    def prompt_cache(self) -> tuple[float | None, float | None]:
        """The share of input tokens from the provider's cache (percent), and what that saved (US dollars).

        None if no log says what was read.
        """
        rows = [(row.log, row.weight) for row in self.rows if row.log.success and not row.log.cached]
        told = [(log, weight) for log, weight in rows if usage_of(log).is_cache_stated]
        sent = sum(weight * (log.tokens_in or 0) for log, weight in told)
        if not sent:
            return None, None
        read = sum(weight * usage_of(log).cache_read for log, weight in told)
        return significant(100 * read / sent), significant(saved(told))


@dataclass(frozen=True)
class Line:
    """A group of calls now and, if compared, earlier."""

    name: str
    now: Side
    earlier: Side | None = None
    changed: Sequence[str] = ()

    def weight(self) -> tuple[float, ...]:
        """Return a sort key: what changed first, then failures, money and calls."""
        figures = self.now.figures
        moved = _moved(self.now, self.earlier) if self.earlier else 0
        return bool(self.changed), moved, figures.failed, figures.cost, figures.calls


def lines(question: Question, sources: Sources, changed: Mapping[str, Sequence[str]]) -> list[Line]:
    """Return the lines of all groups, most important first; hours and days newest first."""
    now = _sides(sources.now)
    earlier = _sides(sources.earlier) if sources.earlier else {}
    found = [
        Line(name, now.get(name, Side()), earlier.get(name, Side()) if sources.earlier else None, changed.get(name, ()))
        for name in dict.fromkeys([*now, *earlier])
    ]
    if question.by in TIMES:
        return sorted(found, key=lambda line: line.name, reverse=True)
    return sorted(found, key=Line.weight, reverse=True)


def under_one_name(lines: Sequence[Line], masked: Sequence[str]) -> list[Line]:
    """Return the lines with masked names. Lines with the same name are added up, so that none reveals what it hides."""
    found: dict[str, list[Line]] = {}
    for line, name in zip(lines, masked, strict=True):
        found.setdefault(name, []).append(line)
    return [replace(held[0], name=name) if len(held) == 1 else added_up(name, held) for name, held in found.items()]


def added_up(name: str, parts: Sequence[Line]) -> Line:
    """Return one line for several."""
    earlier = [line.earlier for line in parts if line.earlier]
    return Line(name, _added_up([line.now for line in parts]), _added_up(earlier) if earlier else None)


def cells(line: Line, by: str) -> dict[str, Cell]:
    """Return a line as a table row (cost in US dollars, duration in seconds)."""
    figures, (p50, p95) = line.now.figures, line.now.seconds
    row: dict[str, Cell] = {
        by: line.name,
        "calls": round(figures.calls),
        "failed": round(figures.failed),
        "failed %": _percent(figures.failed, figures.calls),
        "$": spent(figures.cost),
        "in": round(figures.tokens_in),
        "out": round(figures.tokens_out),
        "gateway hits": round(figures.cached),
        "saved $": significant(figures.saved),
        "prompt cache %": line.now.prompt_cache[0],
        "prompt saved $": line.now.prompt_cache[1],
        "p50 s": p50,
        "p95 s": p95,
    }
    if line.earlier:
        before = line.earlier.figures
        row |= {
            "calls was": round(before.calls),
            "failed % was": _percent(before.failed, before.calls),
            "$ was": spent(before.cost),
            "gateway hits was": round(before.cached),
            "p95 was": line.earlier.seconds[1],
        }
    return row | {"changed": "; ".join(line.changed)}


def all_of(found: Sequence[Line], totals: Sequence[Figures]) -> Line:
    """Return the line for all calls: the sum of the groups, or the totals if they are known separately."""
    whole = added_up("", found)
    if not totals:
        return whole
    now, *before = (figures.with_saved() for figures in totals)
    earlier = replace(whole.earlier, figures=before[0]) if whole.earlier and before else whole.earlier
    return replace(whole, now=replace(whole.now, figures=now), earlier=earlier)


def sentence(line: Line, parts: Sequence[Line], answered: Answered) -> str:
    """Return the figures of all calls in one sentence, with the causes of changes since earlier calls."""
    pairs = [(part.now.figures, part.earlier.figures) for part in parts if part.earlier]
    return ", ".join(_parts(line.now, line.earlier, pairs, answered)) + "."


def _parts(now: Side, earlier: Side | None, pairs: Sequence[Pair], answered: Answered) -> Iterator[str]:
    one, two = now.figures, earlier.figures if earlier else None
    yield f"{counted(one.calls, 'call')}{_change(one.calls, two and two.calls)}"
    failed = split(pairs, lambda figures: figures.failed)
    why = f": {failed.told('failure rate')}" if failed else ""
    yield f"{one.failed:,.0f} failed{_shares(one.failed, one.calls, two and (two.failed, two.calls), why)}"
    yield from _answered(answered, one.failed)
    cost = split(pairs, lambda figures: figures.cost)
    why = f": {cost.told('cost per call')}" if cost else ""
    yield f"{dollars(one.cost) if one.cost else 'no cost'}{_change(one.cost, two and two.cost, why)}"
    tokens, before = one.tokens_in + one.tokens_out, two and two.tokens_in + two.tokens_out
    yield f"{one.tokens_in:,.0f} + {one.tokens_out:,.0f} tokens{_change(tokens, before)}"
    spared = f"; saved about {dollars(one.saved)}" if one.saved else ""
    hits = _shares(one.cached, one.calls, two and (two.cached, two.calls), spared)
    yield f"{one.cached:,.0f} gateway cache hits{hits}"
    if now.prompt_cache[0] is not None:
        was = earlier.prompt_cache[0] if earlier else None
        before = "" if was is None else f", was {was:g} %"
        spared = f" (saved about {dollars(now.prompt_cache[1])})" if now.prompt_cache[1] else _too_short(now)
        yield f"prompt cache read {now.prompt_cache[0]:g} % of input{before}{spared}"
    befores = earlier.seconds if earlier else (None, None)
    for name, value, was in zip(("p50", "p95"), now.seconds, befores, strict=True):
        if value is not None:
            yield f"{value:g} s {name}" + (f" (was {was:g})" if was is not None else "")


def _too_short(side: Side) -> str:
    """Say that no prompt was long enough, if that is why nothing was read."""
    longest = max((row.log.tokens_in or 0 for row in side.rows), default=0)
    return f" (no prompt reaches the {LEAST:,}-token minimum)" if longest < LEAST else ""


def _answered(answered: Answered, failed: float) -> Iterator[str]:
    """Say how many failures no user saw."""
    count = min(round(answered.count), round(failed))
    if count:
        models = f" ({' and '.join(answered.models)})" if answered.models else ""
        yield f"{'all' if count == round(failed) else f'{count:,}'} of them answered by a later step{models}"


def _change(now: float, before: float | None, why: str = "") -> str:
    if before is None:
        return ""
    return f" ({round(100 * (now - before) / before):+d} %{why})" if before else " (was 0)"


def _shares(part: float, whole: float, before: tuple[float, float] | None, more: str = "") -> str:
    was = f", was {_percent(*before):g} %" if before else ""
    return f" ({_percent(part, whole):g} %{was}{more})" if part or (before and before[0]) else ""


def _percent(part: float, whole: float) -> float:
    return significant(100 * part / whole) if whole else 0


def _sides(reading: Reading) -> dict[str, Side]:
    return {name: Side(figures.with_saved(), reading.held.get(name, ())) for name, figures in reading.groups.items()}


def _added_up(sides: Sequence[Side]) -> Side:
    return Side(total(side.figures for side in sides), [row for side in sides for row in side.rows])


def _moved(now: Side, earlier: Side) -> float:
    """Return how much a group changed, weighted by the calls affected."""
    one, two = now.figures, earlier.figures
    shares = abs(_percent(one.failed, one.calls) - _percent(two.failed, two.calls)) / 100
    shares += abs(_percent(one.cached, one.calls) - _percent(two.cached, two.calls)) / 100
    pairs = [
        (one.cost / (one.paid or 1), two.cost / (two.paid or 1)),
        (now.seconds[1] or 0, earlier.seconds[1] or 0),
        (math.sqrt(one.calls), math.sqrt(two.calls)),
    ]
    return math.sqrt(one.calls + two.calls) * (shares + sum(_apart(*pair) for pair in pairs))


def _apart(one: float, two: float) -> float:
    """Return 0 if both are equal, and 1 from a ratio of e upward."""
    if not one or not two:
        return float(one != two)
    return min(1.0, abs(math.log(one / two)))
