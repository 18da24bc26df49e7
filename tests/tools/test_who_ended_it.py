"""Calls that a gateway itself ended: each tool says who ended them, and after how long."""

from typing import Any

import pytest
from logs import a_log
from mcp import Client

from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

BEGUN = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Paris is the capi"}}]}\n\n'
LEFT = "The caller closed the connection after 3.2 s, before the reply was complete."
CASES = [
    (499, BEGUN, "caller left", LEFT),
    (502, BEGUN, "stream broken", "The provider's stream broke off after 3.2 s."),
    (522, b"", "timeout", "Cloudflare's connection to the provider timed out after 3.2 s."),
    (524, b"error code: 524", "timeout", "Cloudflare gave up after 3.2 s."),
]


async def told(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    return result.content[0].text


@pytest.mark.parametrize(("status", "body", "kind", "sentence"), CASES)
async def test_every_tool_says_who_ended_a_call(
    client: Client, store: Store, status: int, body: bytes, kind: str, sentence: str
) -> None:
    log = a_log(1, status_code=status, success=False, response=body or None, duration=3200)
    await store.add(log)

    details = await told(client, "get_log_details", log_id=log.id)
    summary = await told(client, "summarize_logs", start_date="2026-11-21T11:00Z", end_date="2026-11-21T13:00Z")
    row = (await told(client, "list_logs")).splitlines()[2]

    assert details.startswith(f"Failed: {kind}. openai/gpt-4o-mini ") and sentence in details
    assert f"1 × {kind}" in summary and sentence in summary
    assert row.endswith(kind if status != 502 else "provider failed")


@pytest.mark.parametrize(("status", "body", "sentence"), [(499, BEGUN, LEFT), (502, BEGUN, CASES[1][3])])
async def test_a_stream_that_broke_off_says_who_broke_it(
    client: Client, store: Store, status: int, body: bytes, sentence: str
) -> None:
    log = a_log(1, status_code=status, success=False, response=body, duration=3200)
    await store.add(log)

    first, second, *_ = (await told(client, "get_log_response_body", log_id=log.id)).splitlines()

    assert first == sentence
    assert second == "Broke off: the stream ended after 1 event without [DONE]."


async def test_a_success_whose_stream_broke_off_says_so(client: Client, store: Store) -> None:
    log = a_log(1, response=BEGUN)
    await store.add(log)

    details = await told(client, "get_log_details", log_id=log.id)
    body = await told(client, "get_log_response_body", log_id=log.id)

    assert details.startswith(
        "Succeeded, but the reply broke off: the stream ended after 1 event without [DONE]: openai/"
    )
    assert body.startswith("Broke off: ")


@pytest.mark.parametrize(
    ("finish", "text", "begins"),
    [
        ("stop", "Hello.", "Succeeded: openai/gpt-4o-mini returned 200."),
        ("stop", "", "Succeeded, but the reply is empty: "),
        ("length", "Hel", "Succeeded, but the reply is truncated at the token limit: "),
        ("content_filter", "", "Succeeded, but the reply was filtered by the provider: "),
    ],
)
@pytest.mark.parametrize("pad", [0, 20_000])
async def test_the_first_line_says_what_is_wrong_with_a_reply(
    client: Client, store: Store, finish: str, text: str, begins: str, pad: int
) -> None:
    reply = f'{{"choices":[{{"message":{{"content":"{text}"}},"finish_reason":"{finish}"}}],"pad":"{"x" * pad}"}}'
    log = a_log(1, response=reply.encode())
    await store.add(log)

    assert (await told(client, "get_log_details", log_id=log.id)).startswith(begins)
