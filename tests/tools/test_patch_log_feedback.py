from typing import Any

import pytest
from logs import a_log
from mcp import Client

from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

LOG = a_log(1).id


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"feedback": -1}, "feedback -1"),
        ({"feedback": 0}, "feedback 0"),
        ({"feedback": "1"}, "feedback 1"),
        ({"score": 0}, "score 0"),
        ({"score": 99.5}, "score 99.5"),
        ({"metadata": {"userId": "123", "good": True}}, "metadata userId=123 good=True"),
        ({"feedback": 1, "score": 50, "metadata": {"a": "b"}}, "feedback 1, score 50, metadata a=b"),
    ],
)
async def test_what_is_recorded_is_read_back_from_the_store(
    client: Client, store: Store, given: dict[str, Any], said: str
) -> None:
    await store.add(a_log(1))

    result = await client.call_tool("patch_log_feedback", {"log_id": LOG, **given})
    stored = await client.call_tool("list_logs", {"fields": ["feedback", "score", "metadata"]})

    assert result.content[0].text == f"Recorded on log {LOG} of gateway default: {said}."
    row = dict(zip(stored.structured_content["columns"], stored.structured_content["rows"][0], strict=True))
    for name, value in result.structured_content["recorded"].items():
        assert row.get(name, 0) == value or name == "metadata"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Nothing to record"),
        ({"feedback": 2}, "feedback must be -1, 0 or 1"),
        ({"score": 101}, "score must be at most 100"),
        ({"score": -1}, "score must be at least 0"),
        ({"metadata": {"a": {"b": 1}}}, "metadata.a must be text, a number or a boolean"),
        ({"feedback": 1}, "No log"),
    ],
)
async def test_bad_feedback_is_refused(client: Client, given: dict[str, Any], said: str) -> None:
    result = await client.call_tool("patch_log_feedback", {"log_id": LOG, **given})

    assert result.is_error
    assert said in result.content[0].text
