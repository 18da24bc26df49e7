"""How SQLite finds logs: the query plans that matter for a million of them."""

import json
import sqlite3
from typing import Any

import pytest

from cf_aig_gateway.local.log_query import LogQuery
from cf_aig_gateway.local.store import Store
from cf_aig_gateway.local.store_conditions import matching

ROWS, MEASURES, LABELS = "SCAN logs", "SCAN logs USING COVERING INDEX measures", "SCAN logs USING COVERING INDEX labels"


def clause(key: str, operator: str, value: Any) -> dict[str, Any]:
    return {"key": key, "operator": operator, "value": [value]}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("clauses", "plan"),
    [
        ([clause("success", "eq", True), clause("cost", "gt", 1)], MEASURES),
        ([clause("model", "contains", "gpt")], MEASURES),
        ([clause("tokens", "lt", 5), clause("created_at", "gt", "2026-01-01")], MEASURES),
        ([clause("metadata.value", "contains", "u")], LABELS),
        ([clause("success", "eq", True), clause("cached", "eq", False), clause("metadata.key", "eq", "u")], ROWS),
        ([clause("authentication", "eq", True)], ROWS),
        ([clause("id", "eq", "x")], "SEARCH logs USING INDEX sqlite_autoindex_logs_1 (id=?)"),
    ],
    ids=str,
)
async def test_queries_use_the_narrowest_index(store: Store, clauses: list[dict[str, Any]], plan: str) -> None:
    where = matching("default", LogQuery.model_validate({"filters": json.dumps(clauses)}))

    def plans(db: sqlite3.Connection) -> set[str]:
        newest = f"SELECT seq FROM logs WHERE {where.sql} ORDER BY seq DESC LIMIT 20"
        count = f"SELECT count(*) FROM logs WHERE {where.sql}"
        explained = [db.execute(f"EXPLAIN QUERY PLAN {sql}", where.values).fetchone() for sql in (newest, count)]
        return {row["detail"] for row in explained}

    assert await store.read(plans) == {plan}
