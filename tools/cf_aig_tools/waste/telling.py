"""Reports waste: a line for all of it, each kind with its fix, and the basis of the figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mcp.types import CallToolResult

from cf_aig_tools.amounts import counted
from cf_aig_tools.desk import answer, fits
from cf_aig_tools.find_waste import WasteReport
from cf_aig_tools.reading.masking import Masker, visible
from cf_aig_tools.tables import cut
from cf_aig_tools.waste.findings import Kind, Sum
from cf_aig_tools.waste.reading import Reading

MAX_TOKENS = 1450
SIZES = ((4, 100), (3, 80), (2, 60), (1, 60), (1, 30), (0, 0))
"""Maximum causes per kind and their length: the first pair with which the result fits MAX_TOKENS is used."""

LEAST_SHARE = 1 / 10_000
"""Minimum share of the total cost for a kind to be reported; less is lost in rounded prices."""

LEAST_DOLLARS = 0.0001
"""The same for time ranges with hardly any cost: less than the price of a short call."""

LEAST_TIME = 0.01
"""Minimum share of the total duration for kinds without cost, such as failed calls, to be reported."""


@dataclass(frozen=True)
class Told:
    """The report on a time range."""

    reading: Reading
    kinds: list[tuple[Kind, Sum]]
    masker: Masker
    elsewhere: str = ""

    def result(self) -> CallToolResult:
        """Return it in both channels, cut to MAX_TOKENS."""
        calls = self.reading.calls
        cost, time = sum(call.cost for call in calls), sum(call.end - call.start for call in calls)
        kinds = [each for each in self.kinds if _matters(each[1], cost, time)]
        if not calls:
            return self._empty()
        if not kinds:
            return self._nothing(cost)
        results = (self._result(kinds, cost, *size) for size in SIZES)
        fitting = next((result for result in results if fits(result, MAX_TOKENS)), None)
        return fitting or self._result(kinds, cost, 0, 0)

    def _empty(self) -> CallToolResult:
        summary = f"{self.reading.scope.heading}: no logs.{self.elsewhere}"
        basis = "Likely: the time range is wrong, the filters are too narrow, or the gateway keeps no logs."
        following = "list_logs without dates shows the newest calls; list_gateways the gateways"
        text = f"{summary}\n{basis}\nnext: {following}"
        return answer(text, WasteReport(summary=summary, basis=basis, next=following))

    def _nothing(self, cost: float) -> CallToolResult:
        looked_at = f"{counted(len(self.reading.calls), 'call')}, {_dollars(cost)}"
        summary = f"{self.reading.scope.heading}: no waste found in {looked_at}."
        basis = f"{self._basis()} Looked for: {LOOKED_FOR}."
        return answer(f"{summary}\n{basis}", WasteReport(summary=summary, basis=basis))

    def _result(self, kinds: list[tuple[Kind, Sum]], cost: float, causes: int, longest: int) -> CallToolResult:
        lost = sum(held.dollars for _, held in kinds)
        share = f" ({100 * lost / cost:.3g} %)" if cost else ""
        summary = (
            f"{self.reading.scope.heading}: {_dollars(lost)} of {_dollars(cost)}{share} was avoidable, in "
            f"{counted(sum(len(held.waste) for _, held in kinds), 'call')} of {len(self.reading.calls):,}."
        )
        rows = [self._row(kind, held, causes, longest) for kind, held in kinds]
        basis, following = self._basis(), "get_log_details with an id; list_logs with its filters"
        text = "\n".join([summary, *(line for row in rows for line in _lines(row)), basis, f"next: {following}"])
        return answer(text, WasteReport(summary=summary, kinds=rows, basis=basis, next=following))

    def _row(self, kind: Kind, held: Sum, causes: int, longest: int) -> list[Any]:
        named = [(cause, each) for cause, each in held.causes() if cause]
        shown: list[list[Any]] = [self._cause(cause, each, longest) for cause, each in named[:causes]]
        if causes and (rest := named[causes:]):
            others = Sum([each for _, part in rest for each in part.waste])
            shown.append(self._cause(f"{len(rest)} more", others, longest))
        if not named:
            shown = [[self._clean(name, longest), count] for name, count in held.askers(causes)]
        return [kind.name, len(held.waste), held.tokens, _cents(held.dollars), held.example.call.id, shown, kind.change]

    def _cause(self, cause: str, held: Sum, longest: int) -> list[Any]:
        return [self._clean(cause, longest), len(held.waste), _cents(held.dollars)]

    def _clean(self, text: str, longest: int) -> str:
        """Return a cause; it contains untrusted names and values."""
        return " ".join(str(cut(visible(self.masker.mask(text)), longest)).split())

    def _basis(self) -> str:
        notes = " ".join(self.reading.notes)
        return " ".join(filter(None, [self.reading.coverage(), notes, "Each call is counted once."]))


LOOKED_FOR = (
    "repeated requests, retries, truncated replies, prompt cache misses, heavy tools and history, reasoning, "
    "cheaper models by feedback, guardrails evaluations"
)


def _matters(held: Sum, cost: float, time: float) -> bool:
    is_costly = held.dollars >= max(LEAST_DOLLARS, LEAST_SHARE * cost)
    return is_costly or (len(held.waste) > 1 and held.seconds >= LEAST_TIME * time > 0)


def _lines(row: list[Any]) -> Iterator[str]:
    name, calls, tokens, dollars, example, causes, change = row
    yield f"- {name}: {_dollars(dollars)}, {counted(calls, 'call')}, {tokens:,} tokens, as {example}"
    told = [f"{cause}: {calls:,}{f' ({_dollars(paid[0])})' if paid else ''}" for cause, calls, *paid in causes]
    if told:
        yield f"  {'; '.join(told)}"
    yield f"  fix: {change}"


def _cents(value: float) -> float:
    """Return four significant digits."""
    return float(f"{value:.4g}")


def _dollars(value: float) -> str:
    return f"${_cents(value):,.12f}".rstrip("0").rstrip(".")
