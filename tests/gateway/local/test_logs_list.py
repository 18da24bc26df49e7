"""GET …/logs: filters, parameters, order, paging."""

import json
from typing import Any

import httpx2
import pytest
from logs import a_failed_log, a_log
from management import LOGS, refused

from cf_aig_gateway.filters import FILTER_KEYS
from cf_aig_gateway.local.store import Store

NINES = "9" * 400


async def listed(api: httpx2.AsyncClient, **params: Any) -> Any:
    if "filters" in params:
        params["filters"] = json.dumps(
            [dict(zip(("key", "operator", "value"), f, strict=True)) for f in params["filters"]]
        )
    response = await api.get(LOGS, params=params)
    return response.json()


async def numbers(api: httpx2.AsyncClient, **params: Any) -> list[int]:
    answer = await listed(api, **params)
    assert answer["success"], answer
    assert answer["result_info"]["total_count"] == len(answer["result"])
    return [int(row["id"][-12:], 16) for row in answer["result"]]


@pytest.fixture
async def five(store: Store) -> None:
    """Five logs, a minute apart; the second failed, the third has hardly any field, the fourth came from the cache."""
    await store.add(a_log(1, minutes=1, metadata={"user": "u1", "team": "red"}, feedback=1, user_agent="node"))
    await store.add(
        a_failed_log(2, minutes=2, duration=9000, provider="anthropic", model="anthropic/claude-sonnet-4-5")
    )
    await store.add(a_log(3, minutes=3, tokens_in=None, tokens_out=None, cost=None, response_content_type=None))
    await store.add(
        a_log(4, minutes=4, cached=True, cost=0, tokens_in=0, metadata={"user": "U12", "vip": True, "n": 7})
    )
    await store.add(a_log(5, minutes=5, cost=0.5, tokens_in=900, event_id="e-5", model_type="chat", feedback=-1))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        (("success", "eq", [False]), [2]),
        (("success", "eq", ["false"]), [2]),
        (("success", "neq", [True]), [2]),
        (("success", "contains", ["fal"]), [2]),
        (("cached", "eq", [1]), [4]),
        (("provider", "eq", ["anthropic"]), [2]),
        (("provider", "eq", ["anthropic", "openai"]), [5, 4, 3, 2, 1]),
        (("provider", "neq", ["anthropic", "groq"]), [5, 4, 3, 1]),
        (("model", "eq", ["gpt-4o-mini"]), []),
        (("model", "contains", ["GPT", "nothing"]), [5, 4, 3, 1]),
        (("model", "contains", ["%"]), []),
        (("model", "lt", ["b"]), [2]),
        (("model_type", "eq", ["chat"]), [5]),
        (("model_type", "eq", [None]), [4, 3, 2, 1]),
        (("model_type", "neq", ["chat"]), [4, 3, 2, 1]),
        (("model_type", "neq", [None]), [5]),
        (("model_type", "contains", [None]), []),
        (("cost", "gt", [0.1]), [5]),
        (("cost", "lt", [0.1]), [4, 2, 1]),
        (("cost", "eq", [None]), [3]),
        (("cost", "contains", ["0.5"]), [5]),
        (("tokens", "gt", [100]), [5]),
        (("tokens", "eq", [8]), [1]),
        (("tokens_in", "gt", ["100"]), [5]),
        (("tokens_out", "eq", [3]), [5, 4, 1]),
        (("duration", "gt", [1000, 8000]), [2]),
        (("duration", "gt", [10**30]), []),
        (("feedback", "eq", [None]), [4, 3, 2]),
        (("feedback", "lt", [0]), [5]),
        (("created_at", "gt", ["2026-11-21T12:03:00Z"]), [5, 4]),
        (("created_at", "lt", ["2026-11-21T14:03:00+02:00"]), [2, 1]),
        (("created_at", "eq", ["2026-11-21T12:03:00"]), [3]),
        (("created_at", "contains", ["21T12:03:0"]), [3]),
        (("id", "eq", ["01932a3f-0000-7000-8000-000000000002"]), [2]),
        (("id", "contains", ["00003"]), [3]),
        (("event_id", "eq", ["e-5"]), [5]),
        (("user_agent", "contains", ["NODE"]), [1]),
        (("request_content_type", "neq", ["application/json"]), []),
        (("response_content_type", "eq", [None]), [3]),
        (("request_type", "eq", [None]), [5, 4, 3, 2, 1]),
        (("authentication", "eq", [True]), []),
        (("wholesale", "eq", [False]), [5, 4, 3, 2, 1]),
        (("compatibilityMode", "eq", [True]), []),
        (("dlp_action", "eq", [None]), [5, 4, 3, 2, 1]),
        (("dlp_action", "contains", ["FLAG"]), []),
        (("metadata.key", "eq", ["user"]), [4, 1]),
        (("metadata.key", "eq", ["u1"]), []),
        (("metadata.key", "eq", ["team", "vip"]), [4, 1]),
        (("metadata.key", "neq", ["team"]), [5, 4, 3, 2]),
        (("metadata.key", "contains", ["ea"]), [1]),
        (("metadata.key", "eq", [None]), [5, 3, 2]),
        (("metadata.key", "lt", [None]), []),
        (("metadata.key", "gt", ["us"]), [4, 1]),
        (("metadata.value", "eq", ["u1"]), [1]),
        (("metadata.value", "eq", [True]), [4]),
        (("metadata.value", "eq", ["true"]), [4]),
        (("metadata.value", "eq", [7]), [4]),
        (("metadata.value", "eq", ["user"]), []),
        (("metadata.value", "gt", [6]), [4]),
        (("metadata.value", "lt", [7]), []),
        (("metadata.value", "contains", ["u1"]), [4, 1]),
        (("metadata.value", "neq", ["u1"]), [5, 4, 3, 2]),
    ],
    ids=str,
)
async def test_a_filter_finds_the_right_logs(
    api: httpx2.AsyncClient, five: None, clause: Any, expected: list[int]
) -> None:
    assert await numbers(api, filters=[clause]) == expected


@pytest.mark.anyio
@pytest.mark.parametrize("operator", ["eq", "neq", "contains", "lt", "gt"])
async def test_every_key_takes_every_operator(api: httpx2.AsyncClient, five: None, operator: str) -> None:
    for key in FILTER_KEYS:
        value = "2026-11-21" if key == "created_at" else "1"

        assert (await listed(api, filters=[(key, operator, [value, None])]))["success"], key


@pytest.mark.anyio
async def test_clauses_and_parameters_all_apply(api: httpx2.AsyncClient, five: None) -> None:
    clauses = [("success", "eq", [True]), ("cached", "eq", [False])]

    assert await numbers(api, filters=clauses, min_tokens_in=1) == [5, 1]


@pytest.mark.anyio
async def test_metadata_keys_and_values_are_not_paired(api: httpx2.AsyncClient, five: None) -> None:
    clauses = [("metadata.key", "eq", ["team"]), ("metadata.value", "eq", ["u1"])]

    assert await numbers(api, filters=clauses) == [1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"success": "false"}, [2]),
        ({"cached": "true"}, [4]),
        ({"feedback": 1}, [1]),
        ({"feedback": -1}, [5]),
        ({"provider": "anthropic"}, [2]),
        ({"model": "openai/gpt-4o-mini", "min_cost": 0.1}, [5]),
        ({"model_type": "chat"}, [5]),
        ({"request_content_type": "application/json", "max_duration": 811}, []),
        ({"response_content_type": "text/plain"}, []),
        ({"start_date": "2026-11-21T12:04:00Z"}, [5, 4]),
        ({"end_date": "2026-11-21T12:02:00+00:00"}, [2, 1]),
        ({"start_date": "2026-11-21T12:02:00Z", "end_date": "2026-11-21T12:02:00Z"}, [2]),
        ({"start_date": "2026-11-21T13:00:00Z", "end_date": "2026-11-21T12:00:00Z"}, []),
        ({"start_date": "0001-01-01", "end_date": "9999-12-31"}, [5, 4, 3, 2, 1]),
        ({"min_cost": 0.5, "max_cost": 0.5}, [5]),
        ({"min_duration": 9000}, [2]),
        ({"max_tokens_in": 5}, [4, 2, 1]),
        ({"min_tokens_out": 3, "max_tokens_out": 3}, [5, 4, 1]),
        ({"min_total_tokens": 8, "max_total_tokens": 8}, [1]),
        ({"search": "red"}, [1]),
        ({"search": "team"}, [1]),
        ({"search": "nothing"}, []),
        ({"search": "", "provider": ""}, [5, 4, 3, 2, 1]),
        ({"direction": "asc"}, [1, 2, 3, 4, 5]),
        ({"direction": "asc", "order_by_direction": "desc"}, [5, 4, 3, 2, 1]),
        ({"order_by": "cost", "order_by_direction": "desc", "min_cost": 0}, [5, 1, 4, 2]),
        ({"order_by": "duration"}, [2, 5, 4, 3, 1]),
        ({"order_by": "feedback", "order_by_direction": "asc", "filters": [("feedback", "neq", [None])]}, [5, 1]),
        ({"unknown": "x", "filters[0][key]": "success", "filters.key": "success"}, [5, 4, 3, 2, 1]),
    ],
    ids=str,
)
async def test_a_parameter_finds_the_right_logs(
    api: httpx2.AsyncClient, five: None, params: dict[str, Any], expected: list[int]
) -> None:
    assert await numbers(api, **params) == expected


@pytest.mark.anyio
async def test_pages_cover_all_logs_and_end_empty(api: httpx2.AsyncClient, five: None) -> None:
    pages = [await listed(api, page=page, per_page=2) for page in (1, 2, 3, 4, 10**40)]

    assert [len(page["result"]) for page in pages] == [2, 2, 1, 0, 0]
    assert pages[0]["result_info"] == {"page": 1, "per_page": 2, "count": 2, "total_count": 5}
    assert len({row["id"] for page in pages for row in page["result"]}) == 5


@pytest.mark.anyio
async def test_meta_info_adds_the_range_of_each_measure(api: httpx2.AsyncClient, five: None) -> None:
    info = (await listed(api, meta_info="true", success="true"))["result_info"]

    assert info == {
        "page": 1, "per_page": 20, "count": 4, "total_count": 4, "min_cost": 0.0, "max_cost": 0.5,
        "min_duration": 812, "max_duration": 812, "min_tokens_in": 0, "max_tokens_in": 900,
        "min_tokens_out": 3, "max_tokens_out": 3, "min_total_tokens": 3, "max_total_tokens": 903,
    }  # fmt: skip


@pytest.mark.anyio
async def test_a_row_holds_what_the_api_shows(api: httpx2.AsyncClient, store: Store) -> None:
    await store.add(
        a_log(
            1,
            path="chat/completions",
            step=1,
            custom_cost=True,
            metadata={"user": "ü", "n": 1.5},
            authentication=True,
            compatibility_mode=True,
            usage_metadata={"input_tokens": 5},
            timings={"total": 812, "latency": 700},
        )
    )

    (row,) = (await listed(api))["result"]

    assert row == {
        "id": "01932a3f-0000-7000-8000-000000000001", "created_at": "2026-11-21T12:00:00.000Z",
        "provider": "openai", "model": "openai/gpt-4o-mini", "model_type": None, "path": "chat/completions",
        "success": True, "status_code": 200, "cached": False, "duration": 812, "tokens_in": 5, "tokens_out": 3,
        "cost": 0.0000026, "custom_cost": True, "step": 1, "feedback": None, "score": None,
        "metadata": {"user": "ü", "n": 1.5}, "event_id": "", "request_type": None,
        "request_content_type": "application/json", "response_content_type": "application/json", "user_agent": None,
        "session_id": None, "authentication": True, "compatibilityMode": True, "wholesale": False, "dlp_action": None,
        "usage_metadata": {"input_tokens": 5}, "timings": {"total": 812, "latency": 700}, "request": "", "response": "",
    }  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("params", "message", "path"),
    [
        ({"per_page": "51"}, "Number must be less than or equal to 50", ["per_page"]),
        ({"per_page": "0"}, "Number must be greater than or equal to 1", ["per_page"]),
        ({"page": "0"}, "Number must be greater than or equal to 1", ["page"]),
        ({"page": "two"}, "Expected number, received nan", ["page"]),
        ({"page": "9" * 5000}, "Expected number, received nan", ["page"]),
        ({"success": "perhaps"}, "Expected boolean, received string", ["success"]),
        ({"feedback": "2"}, "Number must be less than or equal to 1", ["feedback"]),
        ({"start_date": "yesterday"}, "Invalid date", ["start_date"]),
        ({"end_date": "2026-02-30"}, "Invalid date", ["end_date"]),
        ({"min_cost": "x"}, "Expected number, received nan", ["min_cost"]),
        (
            {"order_by_direction": "up"},
            "Invalid enum value. Expected 'asc' | 'desc', received 'up'",
            ["order_by_direction"],
        ),
        ({"filters": "success"}, "Invalid JSON", ["filters"]),
        ({"filters": "[" * 20_000}, "Invalid JSON", ["filters"]),
        ({"filters": "{}"}, "Expected array, received object", ["filters"]),
        ({"filters": '["success"]'}, "Expected object, received string", ["filters", 0]),
        ({"filters": '[{"key":"success","value":[true]}]'}, "Required", ["filters", 0, "operator"]),
        (
            {"filters": '[{"key":"model","operator":"eq","value":"x"}]'},
            "Expected array, received string",
            ["filters", 0, "value"],
        ),
        (
            {"filters": '[{"key":"model","operator":"eq","value":[]}]'},
            "Array must contain at least 1 element(s)",
            ["filters", 0, "value"],
        ),
        ({"filters": '[{"key":"model","operator":"eq","value":[{}]}]'}, "Invalid input", ["filters", 0, "value", 0]),
        (
            {"filters": '[{"key":"cost","operator":"gt","value":["dear"]}]'},
            "Expected number, received string",
            ["filters", 0, "value"],
        ),
        (
            {"filters": '[{"key":"cached","operator":"eq","value":[2]}]'},
            "Expected boolean, received number",
            ["filters", 0, "value"],
        ),
        (
            {"filters": '[{"key":"created_at","operator":"gt","value":[5]}]'},
            "Invalid date",
            ["filters", 0, "value"],
        ),
        (
            {"filters": f'[{{"key":"metadata.value","operator":"gt","value":[{NINES}]}}]'},
            "Expected number, received string",
            ["filters", 0, "value"],
        ),
        ({"search": "x" * 4097}, "String must contain at most 4096 character(s)", ["search"]),
        (
            {"filters": json.dumps([{"key": "model", "operator": "contains", "value": ["x" * 4097]}])},
            "String must contain at most 4096 character(s)",
            ["filters", 0, "value"],
        ),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_bad_query_gets_an_error_that_says_why(
    api: httpx2.AsyncClient, params: dict[str, str], message: str, path: list[str | int]
) -> None:
    response = await api.get(LOGS, params=params)

    assert (response.status_code, response.json()) == (400, refused(message, "query", *path))


@pytest.mark.anyio
async def test_the_error_for_an_unknown_filter_key_lists_the_known_ones(api: httpx2.AsyncClient) -> None:
    response = await api.get(LOGS, params={"filters": '[{"key":"metadata.user","operator":"eq","value":["x"]}]'})

    (error,) = response.json()["errors"]
    assert (response.status_code, error["code"], error["path"]) == (400, 7001, ["query", "filters", 0, "key"])
    assert error["message"].startswith("Invalid enum value. Expected 'id' | 'created_at' | ")
    assert error["message"].endswith(", received 'metadata.user'")


@pytest.mark.anyio
async def test_every_fault_of_a_query_is_reported(api: httpx2.AsyncClient) -> None:
    response = await api.get(LOGS, params={"per_page": 51, "page": 0})

    assert [error["path"] for error in response.json()["errors"]] == [["query", "page"], ["query", "per_page"]]
