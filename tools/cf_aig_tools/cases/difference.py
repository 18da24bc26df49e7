"""Compares another model's answers with the logged ones: one by one, and as a table."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from statistics import median
from typing import Any

from cf_aig_gateway.formats.content import as_json
from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_tools.amounts import counted, dollars, seconds
from cf_aig_tools.cases.case import Case, Line
from cf_aig_tools.reading.budget import cut, tokens
from cf_aig_tools.reading.masking import visible
from cf_aig_tools.tables import Cell, table

COMPARED = 500
"""Words of each text that are compared."""


@dataclass(frozen=True)
class Answer:
    """The result of one case (duration in milliseconds, cost in US dollars).

    `error` says why there is no answer. `charged` is the most it may have cost.
    """

    log_id: str | None
    message: Line | None
    finish: str
    cost: float | None
    duration: float | None
    tokens_in: int | None
    tokens_out: int | None
    error: str = ""
    status: int | None = None
    charged: float = 0.0

    def row(self, case: Case, event_id: str, model: str) -> Line:
        """Return the results line: the answer and its comparison with the logged one."""
        about = {
            "log_id": self.log_id, "finish": self.finish, "cost": self.cost, "duration": self.duration,
            "tokens_in": self.tokens_in, "tokens_out": self.tokens_out, "status": self.status, "event_id": event_id,
        }  # fmt: skip
        return {
            "log_id": case.log_id,
            "model": model,
            "output": self.message,
            **({"error": self.error} if self.error else {}),
            "metadata": {name: value for name, value in about.items() if value not in (None, "")},
            "charged": self.charged,
            "compared": self._compared(case),
        }

    def _compared(self, case: Case) -> Line:
        """Return the old and new values as pairs."""
        was, now = case.output, self.message or {}
        both = ((case.metadata.get(name), getattr(self, name)) for name in ("finish", "cost", "duration"))
        finish, cost, duration = (list(pair) for pair in both)
        return {
            "finish": [finish[0] or "", finish[1]],
            "tools": [_names(was), _names(now)],
            "arguments_same": _arguments(was) == _arguments(now),
            "cost": cost,
            "duration": duration,
            "text_alike": alike(as_text(was.get("content")), as_text(now.get("content"))),
        }


def alike(one: str, other: str) -> float | None:
    """Return how similar two texts are, from 0 to 1, by their words; None if both are empty."""
    first, second = one.split(), other.split()
    if first == second:
        return 1.0 if first else None
    matcher = SequenceMatcher(None, first[:COMPARED], second[:COMPARED], autojunk=False)
    return min(0.99, round(matcher.ratio(), 2))


def _functions(message: Line) -> Iterator[Line]:
    for call in map(as_object, as_list(message.get("tool_calls"))):
        yield as_object(call.get("function")) or as_object(call.get("custom"))


def _names(message: Line) -> str:
    return ", ".join(as_text(function.get("name")) for function in _functions(message))


def _arguments(message: Line) -> list[Any]:
    return [function.get("arguments", function.get("input")) for function in _functions(message)]


@dataclass(frozen=True)
class Table:
    """All rows of a run, and their totals."""

    rows: Sequence[Line]

    def totals(self) -> Line:
        """Return the totals: calls, matches, and cost and latency where both sides are known."""
        held = [as_object(row["compared"]) for row in self.rows if not row.get("error")]
        texts = [each["text_alike"] for each in held if each["text_alike"] is not None]
        errors = Counter(_reason(row) for row in self.rows if row.get("error"))
        return {
            "answered": len(held),
            "failed": dict(errors.most_common()),
            "finish_same": sum(_same(each, "finish") for each in held if each["finish"][0]),
            "finish_of": sum(bool(each["finish"][0]) for each in held),
            "tools_same": sum(_same(each, "tools") for each in held),
            "arguments_same": sum(bool(each["arguments_same"]) for each in held),
            "text_same": texts.count(1.0),
            "text_differs": len(texts) - texts.count(1.0),
            "text_alike_median": median(texts) if texts else None,
            "cost": _both(held, "cost", sum),
            "cost_of": len(_pairs(held, "cost")),
            "duration_median": _both(held, "duration", median),
            "charged": sum(row["charged"] for row in self.rows),
        }

    def differing(self) -> list[Line]:
        """Return the rows that differ in more than cost and latency, biggest differences first."""
        return sorted((row for row in self.rows if _weight(row) < 4), key=_weight)

    def shown(self, budget: int, longest: int = 40) -> str:
        """Return the table as text within `budget` tokens: the totals, then the cases that differ."""
        head = "\n".join(self._sums())
        rows = [_cells(row, longest) for row in self.differing()]
        if not rows:
            return head
        following = "next: compare_logs with log_id and now, or read the results file"
        count = len(rows)
        while True:
            rest = len(rows) - count
            more = f"{counted(rest, 'more case differs', 'more cases differ')}: see the results file.\n" if rest else ""
            text = f"{head}\n{table(rows[:count], keep='log_id', whole=('log_id', 'now')).text()}\n{more}{following}"
            if count <= 1 or (cost := tokens(text)) <= budget:
                return text if tokens(text) <= budget else cut(text, budget)
            count = max(1, min(count - 1, count * budget // cost))

    def structured(self, budget: int) -> Line:
        """Return the same as structured data: the totals, and as many differing cases as `budget` tokens allow."""
        totals, rows = self.totals(), self.differing()
        kept = [
            {name: row[name] for name in ("log_id", "error", "metadata", "compared") if name in row} for row in rows
        ]
        count = len(kept)
        while count and (cost := tokens(as_json([totals, kept[:count]]))) > budget:
            count = min(count - 1, count * budget // cost)
        return {"totals": totals, "cases": kept[:count], "left_out": len(rows) - count}

    def _sums(self) -> Iterator[str]:
        held = self.totals()
        answered = held["answered"]
        failed = ", ".join(f"{count:,} × {reason}" for reason, count in held["failed"].items())
        yield f"{counted(answered, 'case')} answered{f'; failed: {failed}' if failed else ''}. Before → now:"
        yield f"finish: same in {held['finish_same']:,} of {held['finish_of']:,}"
        yield (
            f"tools called: same in {held['tools_same']:,} of {answered:,}, "
            f"with the same arguments in {held['arguments_same']:,}"
        )
        if held["text_alike_median"] is not None:
            typical = f" (median: {held['text_alike_median']:.0%} alike)" if held["text_differs"] else ""
            yield f"text: same in {held['text_same']:,}, differs in {held['text_differs']:,}{typical}"
        if was := held["cost"]:
            of = f", of the {held['cost_of']:,} where both are known" if held["cost_of"] < answered else ""
            yield f"cost: {dollars(was[0])} → {dollars(was[1])}{of}"
        if was := held["duration_median"]:
            yield f"latency, median: {seconds(was[0]):g} s → {seconds(was[1]):g} s"


def _reason(row: Line) -> str:
    status = as_object(row["metadata"]).get("status")
    return f"HTTP {status}" if status else "no response"


def _same(held: Line, name: str) -> bool:
    return held[name][0] == held[name][1]


def _pairs(held: Sequence[Line], name: str) -> list[list[float]]:
    return [each[name] for each in held if None not in each[name]]


def _both(held: Sequence[Line], name: str, make: Callable[[list[float]], float]) -> list[float] | None:
    pairs = _pairs(held, name)
    return [make([pair[side] for pair in pairs]) for side in (0, 1)] if pairs else None


def _weight(row: Line) -> float:
    """Return the sort rank of a row: failures, different endings, different tools, different texts; 4 if nothing
    differs.
    """
    held = as_object(row["compared"])
    if row.get("error"):
        return 0
    if held["finish"][0] and not _same(held, "finish"):
        return 1
    if not _same(held, "tools"):
        return 2
    text = held["text_alike"]
    return 3 + text if text not in (None, 1.0) else 3.995 if not held["arguments_same"] else 4


def _cells(row: Line, longest: int) -> dict[str, Cell]:
    held, about = as_object(row["compared"]), as_object(row["metadata"])
    text = held["text_alike"]
    said = visible(as_text(row.get("error")))
    return {
        "log_id": as_text(row["log_id"]),
        "now": as_text(about.get("log_id")),
        "finish": _change(held["finish"], longest) if held["finish"][0] else "",
        "tools": _change(held["tools"], longest) or ("" if held["arguments_same"] else "different arguments"),
        "text": "" if text is None or said else "same" if text == 1 else f"{text:.0%} similar",
        "$": _arrow(*(None if each is None else dollars(each) for each in held["cost"])),
        "s": _arrow(*(None if each is None else f"{seconds(each):g}" for each in held["duration"])),
        "failed": said if len(said) <= 2 * longest else f"{said[: 2 * longest]}…",
    }


def _change(pair: Sequence[Any], longest: int) -> str:
    was, now = (visible(as_text(each))[:longest] or "none" for each in pair)
    return "" if was == now else f"{was} → {now}"


def _arrow(was: str | None, now: str | None) -> str:
    return f"{was or '?'} → {now or '?'}" if was or now else ""
