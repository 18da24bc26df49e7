"""GET …/logs/fingerprints: many logs at once, each with its request's fingerprint."""

import json
from typing import Any

import pytest
from logs import a_failed_log, a_log
from management import LOGS, management

from cf_aig_gateway.formats.fingerprint import Fingerprint
from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

COMPARED = (
    "id", "created_at", "provider", "model", "success", "cached", "status_code", "duration", "tokens_in", "tokens_out",
    "cost", "feedback", "metadata", "event_id", "session_id", "user_agent", "step", "usage_metadata", "timings",
)  # fmt: skip


async def asked(store: Store, path: str, **params: Any) -> dict[str, Any]:
    async with management(store) as api:
        answer = await api.get(f"{LOGS}{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_logs_equal_the_listed_ones_and_have_a_fingerprint(store: Store) -> None:
    told = {"metadata": {"user": 'é"1', "n": 2}, "usage_metadata": {"input_cached_tokens": 3}, "cost": 0.1234567}
    await store.add(a_log(1, **told, session="s-1", user_agent="node", event_id="e", feedback=-1))
    await store.add(a_failed_log(2, minutes=1.0001, step=2, timings={"latency": 5}))

    listed, found = await asked(store, ""), await asked(store, "/fingerprints")

    assert [{name: row[name] for name in COMPARED} for row in found["result"]] == [
        {name: row[name] for name in COMPARED} for row in listed["result"]
    ]
    assert all(Fingerprint.of_row(row["fingerprint"]) for row in found["result"])
    assert found["result_info"]["total_count"] == 2


async def test_pages_continue_after_a_log_and_filters_apply(store: Store) -> None:
    for number in range(7):
        await store.add(a_log(number, minutes=number, cached=number == 3))

    first = await asked(store, "/fingerprints", per_page=4)
    second = await asked(store, "/fingerprints", per_page=4, after=first["result"][-1]["id"])
    hits = await asked(store, "/fingerprints", cached="true")

    minutes = [row["created_at"][14:16] for row in (*first["result"], *second["result"])]
    assert minutes == ["06", "05", "04", "03", "02", "01", "00"]
    assert [row["created_at"][14:16] for row in hits["result"]] == ["03"]


async def test_logs_of_an_earlier_version_get_a_fingerprint_on_request(store: Store) -> None:
    await store.add(a_log(1))
    await store.add(a_log(2, minutes=1, request=None))
    before = (await asked(store, "/fingerprints"))["result"]
    await store.write(lambda db: db.execute("UPDATE details SET facts = json_remove(facts, '$.fingerprint')"))

    after = (await asked(store, "/fingerprints"))["result"]

    assert after == before
    assert [row["fingerprint"] is None for row in after] == [True, False]
    assert json.dumps(after[1]["fingerprint"]).startswith('["')
