"""No search, filter, completion or resource shows a secret, or reveals whether a guess at part of one is right."""

import json
import string
from typing import Any

import httpx2
import pytest
from logs import a_failed_log, a_log
from mcp import Client
from mcp.types import ResourceTemplateReference, TextContent
from secrets_corpus import drawn

from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

KEY, _ = drawn("sk-proj-<a40>", "right")
PASSWORD, _ = drawn("<p14>", "right")
RIGHT = [KEY[12:20], KEY[:14], KEY, PASSWORD[2:10], PASSWORD]
SIGNS = [string.ascii_lowercase, string.ascii_uppercase, string.digits]
NEXT = str.maketrans("".join(SIGNS), "".join(signs[1:] + signs[0] for signs in SIGNS))
WRONG = [guess[:-4] + guess[-4:].translate(NEXT) for guess in RIGHT]
LOG = ResourceTemplateReference(type="ref/resource", uri="ai-gateway://{gateway_id}/logs/{log_id}")


def told(result: Any, guess: str) -> str:
    """Return everything that a result says, except the question."""
    text = "".join(part.text for part in result.content if isinstance(part, TextContent))
    both = text + json.dumps(result.structured_content, ensure_ascii=False)
    return both.replace(guess, "GUESS").replace(json.dumps(guess)[1:-1], "GUESS")


async def planted(store: Store) -> str:
    """Store some logs, one with secrets in its metadata, model and bodies; return its id."""
    body = json.dumps({"messages": [{"role": "user", "content": f"key {KEY} and password={PASSWORD}!"}]}).encode()
    metadata = {"note": f"key {KEY}", "password": PASSWORD, "team": "billing"}
    log = a_log(1, request=body, response=body, metadata=metadata)
    await store.add(log)
    for number in range(2, 6):
        await store.add(a_failed_log(number, metadata={"team": "billing", "note": f"nothing {number}"}))
    return log.id


ASKED = [
    lambda guess: ("list_logs", {"search": guess}),
    lambda guess: ("list_logs", {"filters": [{"key": "metadata.value", "operator": "contains", "value": [guess]}]}),
    lambda guess: ("list_logs", {"filters": [{"key": "metadata.value", "value": [guess]}]}),
    lambda guess: ("list_logs", {"metadata": {"password": guess}}),
    lambda guess: ("list_logs", {"metadata": {"note": f"key {guess}"}}),
    lambda guess: ("search_bodies", {"text": guess}),
    lambda guess: (
        "search_bodies",
        {"regex": "".join(f"[{sign}]" if sign.isalnum() else f"\\{sign}" for sign in guess)},
    ),
    lambda guess: ("search_bodies", {"text": "billing", "metadata": {"password": guess}}),
    lambda guess: ("get_log_request_body", {"search": guess}),
    lambda guess: ("get_log_response_body", {"search": guess}),
]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("number", range(len(RIGHT)))
async def test_a_right_guess_gets_the_same_answer_as_a_wrong_one(
    client: Client, store: Store, asked: Any, number: int
) -> None:
    log_id = await planted(store)
    answers = list[str]()
    for guess in (RIGHT[number], WRONG[number]):
        tool, arguments = asked(guess)
        about = {"log_id": log_id} if tool.startswith("get_log_") else {}
        regex = arguments.get("regex", guess)
        answers.append(
            told(await client.call_tool(tool, arguments | about), guess)
            .replace(regex, "GUESS")
            .replace(json.dumps(regex)[1:-1], "GUESS")
        )

    assert answers[0] == answers[1]


async def test_text_that_is_not_secret_is_still_found(client: Client, store: Store) -> None:
    log_id = await planted(store)

    for search in ("billing", "nothing 3", "key"):
        assert "No logs" not in told(await client.call_tool("list_logs", {"search": search}), "?"), search
    found = await client.call_tool("list_logs", {"search": "billing"})
    assert log_id in told(found, "?")


@pytest.mark.parametrize("typed", ["", *RIGHT])
async def test_completions_show_no_secret_and_confirm_none(client: Client, store: Store, typed: str) -> None:
    await store.add(a_log(1, id=KEY, model=f"openai/{KEY}", provider="openai"))

    for name in ("log_id", "gateway_id"):
        offered = await client.complete(
            LOG, {"name": name, "value": typed}, context_arguments={"gateway_id": "default"}
        )
        values = offered.completion.values
        assert not any(KEY[8:20] in value for value in values)
        assert values == [] or not typed


def an_account(request: httpx2.Request) -> httpx2.Response:
    """Answer as an account whose gateways have secrets as names and settings, which the local gateway refuses."""
    gateways = [{"id": "main", "collect_logs": True, "logpush_public_key": f"password={PASSWORD}"}, {"id": KEY}]
    return httpx2.Response(200, json={"success": True, "result": gateways, "result_info": {"total_count": 2}})


async def test_gateways_are_masked_as_resources_completions_and_rows() -> None:
    settings = Settings(account_id="0" * 32, api_token="t", logs="gateway")
    async with Client(build_server(settings, httpx2.MockTransport(an_account))) as client:
        offered = await client.complete(LOG, {"name": "gateway_id", "value": ""})
        listed = told(await client.call_tool("list_gateways", {}), "?")
        for uri in ("ai-gateway://main", f"ai-gateway://{KEY}"):
            read = str(await client.read_resource(uri)).replace(f"ai-gateway://{KEY}", "")
            assert KEY[8:20] not in read and PASSWORD not in read

    assert offered.completion.values == ["main", "[openai_key]"]
    assert KEY[8:20] not in listed and PASSWORD not in listed
