"""One log: its details, bodies, feedback, and deletion."""

import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from logs import a_failed_log, a_log
from management import GATEWAYS, LOGS, NOT_FOUND, management, refused

from cf_aig_gateway.local.store import Store

LOG = f"{LOGS}/{a_log(1).id}"


@pytest.mark.anyio
async def test_details_show_sizes_and_heads(api: httpx2.AsyncClient, store: Store) -> None:
    await store.add(a_log(1, request="ü".encode() * 6000, response=None))

    log = (await api.get(LOG)).json()["result"]

    assert log["id"] == a_log(1).id
    assert (log["request_size"], log["request_head_complete"], log["request_head"]) == (12000, False, "ü" * 5000)
    assert (log["response_size"], log["response_head_complete"], log["response_head"]) == (None, None, None)


@pytest.mark.anyio
async def test_a_body_is_returned_as_stored(api: httpx2.AsyncClient, store: Store) -> None:
    stream = b"data: {}\n\ndata: [DONE]\n\n"
    await store.add(a_log(1, request=b"\xff\xfe{", response=stream, response_content_type="text/event-stream"))

    request, response = await api.get(f"{LOG}/request"), await api.get(f"{LOG}/response")

    assert (request.content, request.headers["content-type"]) == (b"\xff\xfe{", "application/json")
    assert (response.content, response.headers["content-type"]) == (stream, "text/event-stream")


@pytest.mark.anyio
async def test_no_browser_runs_a_stored_body(api: httpx2.AsyncClient, store: Store) -> None:
    await store.add(a_log(1, response=b"<script>alert(1)</script>", response_content_type="text/html"))

    response = await api.get(f"{LOG}/response")

    assert response.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.anyio
async def test_a_body_without_a_type_is_bytes(api: httpx2.AsyncClient, store: Store) -> None:
    await store.add(a_log(1, response=b"?", response_content_type=None))

    assert (await api.get(f"{LOG}/response")).headers["content-type"] == "application/octet-stream"


@pytest.mark.anyio
async def test_missing_things_are_not_found(api: httpx2.AsyncClient, store: Store) -> None:
    await store.add(a_log(1, request=None))
    other = f"{GATEWAYS}/other/logs"

    for url in (f"{LOG}/request", f"{LOGS}/none", f"{LOGS}/none/response", other, f"{other}/{a_log(1).id}"):
        response = await api.get(url)

        assert (response.status_code, response.json()) == (404, NOT_FOUND), url


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"feedback": -1}, (-1, 50, {"a": "b"})),
        ({"feedback": 0, "score": 100}, (0, 100, {"a": "b"})),
        ({"score": 12.5}, (1, 12.5, {"a": "b"})),
        ({"metadata": {"n": 1, "x": True, "f": 0.5}}, (1, 50, {"n": 1, "x": True, "f": 0.5})),
        ({"feedback": None, "score": None, "metadata": None}, (None, None, None)),
        ({"metadata": {}}, (1, 50, {})),
        ({}, (1, 50, {"a": "b"})),
        ({"unknown": 1}, (1, 50, {"a": "b"})),
    ],
    ids=str,
)
async def test_a_patch_changes_what_it_names(
    api: httpx2.AsyncClient, store: Store, changes: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    await store.add(a_log(1, feedback=1, score=50, metadata={"a": "b"}))

    answer = await api.patch(LOG, json=changes)

    log = (await api.get(LOG)).json()["result"]
    assert answer.json() == {"result": {}, "success": True}
    assert (log["feedback"], log["score"], log["metadata"]) == expected


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "message", "path"),
    [
        ('{"feedback": 2}', "Number must be less than or equal to 1", ["feedback"]),
        ('{"feedback": "good"}', "Expected number, received string", ["feedback"]),
        ('{"feedback": true}', "Expected number, received boolean", ["feedback"]),
        ('{"feedback": NaN}', "Expected number, received nan", ["feedback"]),
        ('{"score": -1}', "Number must be greater than or equal to 0", ["score"]),
        ('{"metadata": []}', "Expected object, received array", ["metadata"]),
        ('{"metadata": {"a": null}}', "Invalid input", ["metadata", "a"]),
        ('{"metadata": {"a": 1e999}}', "Invalid input", ["metadata", "a"]),
        ('{"metadata": {"a": "\\ud800"}}', "Invalid JSON", []),
        ("[]", "Expected object, received array", []),
        ("null", "Expected object, received null", []),
        ("", "Invalid JSON", []),
        ("{", "Invalid JSON", []),
        (b'{"metadata": {"a": "\xff"}}', "Invalid JSON", []),
    ],
)
async def test_a_bad_patch_gets_an_error_that_says_why(
    api: httpx2.AsyncClient, store: Store, body: str | bytes, message: str, path: list[str]
) -> None:
    await store.add(a_log(1))

    answer = await api.patch(LOG, content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()) == (400, refused(message, "body", *path))


@pytest.mark.anyio
async def test_an_unknown_log_cannot_be_patched(api: httpx2.AsyncClient) -> None:
    answer = await api.patch(LOG, json={"feedback": 1})

    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.anyio
async def test_logs_are_deleted_by_filter_oldest_first(api: httpx2.AsyncClient, store: Store) -> None:
    for number in range(6):
        await store.add(a_log(number, minutes=number) if number % 2 else a_failed_log(number, minutes=number))
    failed = '[{"key":"success","operator":"eq","value":[false]}]'

    answer = await api.delete(LOGS, params={"filters": failed, "limit": 2})

    left = (await api.get(LOGS)).json()["result"]
    assert answer.json()["success"]
    assert [row["id"][-1] for row in left] == ["5", "4", "3", "1"]
    assert (await api.get(f"{LOGS}/{a_log(0).id}/request")).status_code == 404


@pytest.mark.anyio
async def test_logs_are_deleted_in_the_requested_order(api: httpx2.AsyncClient, store: Store) -> None:
    for number in range(3):
        await store.add(a_log(number, cost=number))

    await api.delete(LOGS, params={"limit": 1, "order_by": "cost", "order_by_direction": "desc"})

    assert [row["cost"] for row in (await api.get(LOGS)).json()["result"]] == [1, 0]


@pytest.mark.anyio
async def test_all_logs_are_deleted_without_a_filter(api: httpx2.AsyncClient, store: Store) -> None:
    for number in range(3):
        await store.add(a_log(number))

    await api.delete(LOGS)

    assert (await api.get(LOGS)).json()["result_info"]["total_count"] == 0


@pytest.mark.anyio
async def test_a_log_appears_after_the_lag(tmp_path: Path) -> None:
    async with Store(tmp_path / "lag.sqlite3", log_lag_s=3600) as store, management(store) as api:
        await store.add(a_log(1, created_at=0))
        await store.add(a_log(2, created_at=time.time_ns() // 1_000_000))

        listed = (await api.get(LOGS)).json()
        hidden = [await api.get(f"{LOGS}/{a_log(2).id}{part}") for part in ("", "/request")]

        assert [row["id"] for row in listed["result"]] == [a_log(1).id]
        assert listed["result_info"]["total_count"] == 1
        assert [answer.status_code for answer in hidden] == [404, 404]
