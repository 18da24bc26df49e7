"""Conditions on logs, in SQL."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cf_aig_gateway.filters import FilterValue
from cf_aig_gateway.local.log_query import FLAGS, Clause, LogFilter, LogQuery, plain_text
from cf_aig_gateway.local.store_schema import SEQUENCE_BITS

TOTAL_TOKENS = "coalesce(tokens_in + tokens_out, tokens_in, tokens_out)"
EXPRESSIONS = {  # for keys that aren't columns
    "created_at": f"seq >> {SEQUENCE_BITS}",
    "tokens": TOTAL_TOKENS,
    "total_tokens": TOTAL_TOKENS,
    "compatibilityMode": "compatibility_mode",
    "wholesale": "0",  # this gateway sells nothing
    "dlp_action": "NULL",  # nothing is scanned here
}
TEXTS = {
    "created_at": f"datetime((seq >> {SEQUENCE_BITS}) / 1000, 'unixepoch')",
    **{key: f"iif({EXPRESSIONS.get(key, key)}, 'true', 'false')" for key in FLAGS},
}
ENTRY_TEXTS = {
    "metadata.key": "key",
    "metadata.value": "CASE type WHEN 'true' THEN type WHEN 'false' THEN type ELSE CAST(value AS TEXT) END",
}
EQUAL = (
    "success", "cached", "feedback", "provider", "model", "model_type", "request_content_type", "response_content_type",
)  # fmt: skip
RANGES = ("cost", "duration", "tokens_in", "tokens_out", "total_tokens")
MOMENTS = 1 << (63 - SEQUENCE_BITS)
"""The largest time that fits in a rowid, in milliseconds."""


@dataclass(frozen=True)
class Condition:
    """An SQL condition on a row of `logs`, and the values of its placeholders."""

    sql: str
    values: tuple[Any, ...] = ()


def matching(gateway_id: str, query: LogFilter, *, before: int | None = None) -> Condition:
    """Return the condition on a gateway's logs: all filters and all deprecated parameters.

    `before` excludes logs that ended after it (UTC milliseconds).
    """
    conditions = [_equal("gateway", gateway_id), *map(_of_clause, query.filters)]
    if isinstance(query, LogQuery):
        conditions += _of_parameters(query)
    if before is not None:
        conditions.append(ended(before))
    return joined(" AND ", conditions)


def one(gateway_id: str, log_id: str, *, before: int | None = None) -> Condition:
    """Return the condition that a log has that id."""
    conditions = [Condition("gateway = ?", (gateway_id,)), Condition("id = ?", (log_id,))]
    return joined(" AND ", conditions if before is None else [*conditions, ended(before)])


def among(seqs: Iterable[int]) -> Condition:
    """Return the condition that a log has one of those rowids."""
    return Condition("seq IN (SELECT value FROM json_each(?))", (json.dumps(list(seqs)),))


def ended(before: int) -> Condition:
    """Return the condition that a call had ended by then (UTC milliseconds)."""
    return Condition(f"(seq >> {SEQUENCE_BITS}) + duration <= ?", (before,))


def _of_parameters(query: LogQuery) -> Iterator[Condition]:
    for name in EQUAL:
        if (value := getattr(query, name)) is not None:
            yield _equal(name, value)
    for name in RANGES:
        for sign, bound in ((">=", getattr(query, f"min_{name}")), ("<=", getattr(query, f"max_{name}"))):
            if bound is not None:
                yield Condition(f"{EXPRESSIONS.get(name, name)} {sign} ?", (bound,))
    if query.start_date is not None:
        yield Condition("seq >= ?", (first_seq(query.start_date),))
    if query.end_date is not None:
        yield Condition("seq < ?", (first_seq(query.end_date + 1),))
    if query.search:
        yield Condition("metadata LIKE ? ESCAPE '\\'", (_pattern(_as_json(query.search)),))


def _of_clause(clause: Clause) -> Condition:
    """Match any of the values; for `neq`, none of them. A missing field equals only null."""
    if clause.operator == "neq":
        equal = _of_clause(clause.model_copy(update={"operator": "eq"}))
        return Condition(f"({equal.sql}) IS NOT TRUE", equal.values)
    test = _of_metadata if clause.key in ENTRY_TEXTS else _of_column
    return joined(" OR ", [test(clause.key, clause.operator, value) for value in clause.value])


def _of_column(key: str, operator: str, value: FilterValue) -> Condition:
    expression = EXPRESSIONS.get(key, key)
    if operator == "contains":  # SQLite writes a space for the T of a time; putting it back would double the cost
        wanted = value.replace("T", " ") if key == "created_at" and isinstance(value, str) else value
        return _like(TEXTS.get(key, expression), wanted)
    return _compared(expression, operator, value)


def _of_metadata(key: str, operator: str, value: FilterValue) -> Condition:
    """Match if any metadata entry does.

    First looks for the text in the whole: that costs a tenth, and few rows get further.
    """
    if value is None:
        return Condition("metadata IS NULL" if operator == "eq" else "FALSE")
    if key == "metadata.key" and operator == "eq":
        return _has_key(plain_text(value))
    test = _of_entry(key, operator, value)
    entries = f"EXISTS (SELECT 1 FROM json_each(metadata) WHERE {test.sql})"  # noqa: S608 (our own columns)
    if operator in {"lt", "gt"}:
        return Condition(entries, test.values)
    pattern = _pattern(_as_json(plain_text(value)))
    return Condition(f"metadata LIKE ? ESCAPE '\\' AND {entries}", (pattern, *test.values))


def _has_key(name: str) -> Condition:
    """Match if there is an entry of that name. Metadata is flat, compact JSON, in which only names look like this."""
    text = _as_json(name)
    exactly = "(instr(metadata, ?) OR instr(metadata, ?))"
    return Condition(f"metadata LIKE ? ESCAPE '\\' AND {exactly}", (_pattern(text), f'{{"{text}":', f',"{text}":'))


def _of_entry(key: str, operator: str, value: str | float) -> Condition:
    text = ENTRY_TEXTS[key]
    if operator == "contains":
        return _like(text, value)
    if operator != "eq" and not isinstance(value, str):
        compared = _compared("value", operator, float(value))
        return Condition(f"type IN ('integer', 'real') AND {compared.sql}", compared.values)
    return _compared(text, operator, plain_text(value))


def _compared(expression: str, operator: str, value: FilterValue) -> Condition:
    if operator == "eq":
        return _equal(expression, value)
    return Condition(f"{expression} {'<' if operator == 'lt' else '>'} ?", (value,))


def _equal(expression: str, value: FilterValue) -> Condition:
    """Compare; null equals null.

    SQLite assumes that equality is rare, and looks the rows up one by one. With the hint that it is likely, it scans
    the rows in order, or a covering index: three times as fast over a million.
    """
    return Condition(f"likely({expression} IS ?)", (value,))


def _like(expression: str, value: FilterValue) -> Condition:
    """Match if one text contains another, ignoring the case of ASCII letters (the API's rule is unknown)."""
    return Condition(f"{expression} LIKE ? ESCAPE '\\'", (None if value is None else _pattern(plain_text(value)),))


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _as_json(text: str) -> str:
    """Return a text as it is written in stored metadata."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def first_seq(moment: int) -> int:
    """Return the smallest rowid of a log created then (UTC milliseconds)."""
    return max(-MOMENTS, min(moment, MOMENTS - 1)) << SEQUENCE_BITS


def joined(glue: str, conditions: list[Condition]) -> Condition:
    """Return the conditions as one, joined by " AND " or " OR "."""
    sql = glue.join(f"({condition.sql})" for condition in conditions)
    return Condition(sql, tuple(value for condition in conditions for value in condition.values))
