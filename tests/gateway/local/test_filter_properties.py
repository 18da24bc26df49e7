"""Filters compared with a plain implementation of their meaning, on metadata of any shape."""

import json
import sqlite3
from contextlib import closing
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from logs import a_log

from cf_aig_gateway.local.gateway_settings import DEFAULT
from cf_aig_gateway.local.log_query import LogQuery
from cf_aig_gateway.local.store_conditions import matching
from cf_aig_gateway.local.store_gateways import create
from cf_aig_gateway.local.store_logs import insert, totals
from cf_aig_gateway.local.store_schema import SCHEMA

texts = st.text(alphabet="ab%_\\\"',:{}[] ü\n", max_size=4)
values = texts | st.booleans() | st.integers(-20, 20)
metadata = st.none() | st.dictionaries(texts, values, max_size=3)


def plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def holds(entries: list[Any], operator: str, wanted: Any) -> bool:
    found = [plain(entry) for entry in entries]
    if operator == "contains":
        return any(plain(wanted).lower() in entry.lower() for entry in found)
    return (plain(wanted) in found) is (operator == "eq")


@settings(deadline=None)
@given(
    st.lists(metadata, max_size=6),
    values,
    st.sampled_from(["key", "value"]),
    st.sampled_from(["eq", "neq", "contains"]),
)
def test_metadata_filters_mean_what_they_say(logs: list[Any], wanted: Any, part: str, operator: str) -> None:
    clauses = [{"key": f"metadata.{part}", "operator": operator, "value": [wanted]}]
    where = matching("default", LogQuery.model_validate({"filters": json.dumps(clauses)}))

    with closing(sqlite3.connect(":memory:")) as db:
        db.row_factory = sqlite3.Row
        db.executescript(SCHEMA)
        create(db, "default", DEFAULT.stored(), 0)
        for number, held in enumerate(logs):
            insert(db, a_log(number, metadata=held))
        total = totals(db, where)["total_count"]

    entries = [list((held or {}) if part == "key" else (held or {}).values()) for held in logs]
    assert total == sum(holds(found, operator, wanted) for found in entries)
